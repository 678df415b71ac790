import CPU
import Synchronization

/// One CPU core of this node and what belongs to it alone.
///
/// The core finds its own by GS base, which points to a word that holds this structure's address.
struct Core: ~Copyable {
  let index: Int
  var apicID: UInt32
  let isOnline = Atomic<Bool>(false)
  var tables: DescriptorTables
  /// Top of the stack that the core runs on (the boot core starts on its own).
  var stackTop: UInt64
  /// NMIs and interrupts that nobody here has asked for.
  var strayNMICount: UInt64 = 0
  var strayInterruptCount: UInt64 = 0
  /// What the local APIC's timer is set to; `.max` while it is stopped.
  var armedDeadline: UInt64 = .max

  init(index: Int, apicID: UInt32, tables: DescriptorTables, stackTop: UInt64) {
    self.index = index
    self.apicID = apicID
    self.tables = tables
    self.stackTop = stackTop
  }

  static var current: UnsafeMutablePointer<Core> {
    @inline(__always) get {
      unsafe UnsafeMutablePointer(bitPattern: UInt(readGSWord())).unsafelyUnwrapped
    }
  }

  /// 0 before the boot core has found itself.
  static var currentIndex: Int { readMSR(gsBase) == 0 ? 0 : unsafe current.pointee.index }

  private static let gsBase: UInt32 = 0xC000_0101

  /// Sees to it that this core gets an interrupt when the TSC reaches `deadline`, or none where that is `.max`.
  static func arm(_ deadline: UInt64) {
    guard unsafe deadline != current.pointee.armedDeadline else { return }
    unsafe current.pointee.armedDeadline = deadline
    if deadline == .max { node.apic.stopTimer() } else { node.apic.setTimer(deadline: deadline) }
  }

  /// Makes `core` the one that the calling core finds.
  static func become(_ core: UnsafeMutablePointer<Core>) {
    let word = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    unsafe word.initialize(to: UInt64(UInt(bitPattern: core)))
    writeMSR(gsBase, UInt64(UInt(bitPattern: word)))
  }
}
