import Firmware
import Synchronization

/// What this node knows about itself: made once by the boot core, read by all.
@safe
struct Node: ~Copyable {
  var clock = Clock()
  let consoleLock = SpinLock()
  let console: UnsafeMutablePointer<Console>
  var options = KernelOptions()
  var apic = HostAPIC()
  let cores: UnsafeMutablePointer<Core>
  var coreCount = 1
  /// The Ethernet controller, where one is used.
  var nic: UnsafeMutablePointer<NIC>?
  let hasPanicked = Atomic<Bool>(false)

  /// Cores that one node can use.
  static let coreLimit = 256

  /// Makes this node: the boot core, its console, its clock.
  static func start() {
    let console = UnsafeMutablePointer<Console>.allocate(capacity: 1)
    unsafe console.initialize(to: Console(port: SerialPort(base: 0x3F8)))
    let cores = UnsafeMutablePointer<Core>.allocate(capacity: coreLimit)
    let storage = UnsafeMutablePointer<Node>.allocate(capacity: 1)
    unsafe storage.initialize(to: Node(console: console, cores: cores))
    unsafe nodeStorage = storage
    node.clock.start()
  }

  private init(console: UnsafeMutablePointer<Console>, cores: UnsafeMutablePointer<Core>) {
    unsafe self.console = console
    unsafe self.cores = cores
  }
}

private nonisolated(unsafe) var nodeStorage: UnsafeMutablePointer<Node>?

extension Node {
  /// False only in the first moments of boot.
  static var exists: Bool { unsafe nodeStorage != nil }
}

/// This node.
var node: Node {
  _read { yield unsafe nodeStorage.unsafelyUnwrapped.pointee }
  _modify { yield unsafe &nodeStorage.unsafelyUnwrapped.pointee }
}
