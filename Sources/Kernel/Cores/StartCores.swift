import Assembly
import CPU
import Firmware
import Memory
import VCPU
import Synchronization

// Application processors are started one at a time with INIT and two start-up IPIs (SDM Vol. 3A, 9.4.4). Each
// begins at the trampoline page in real mode, reaches `coreMain` on a stack of its own, and reports itself.

/// What application processors wait for before they run guests.
private let isReleased = Atomic<Bool>(false)

enum Cores {
  /// Pages of a core's stack; double fault, NMI and machine check have shorter ones.
  private static let stackPages = 16
  private static let interruptStackPages = 4

  /// Prepares and registers a core's own structures.
  static func prepare(index: Int, apicID: UInt32) throws(OutOfFrames) -> UnsafeMutablePointer<Core> {
    let stacks: InlineArray<3, UInt64> = [
      try makeStack(pages: interruptStackPages), try makeStack(pages: interruptStackPages),
      try makeStack(pages: interruptStackPages),
    ]
    let core = unsafe node.cores + index
    unsafe core.initialize(
      to: Core(
        index: index, apicID: apicID, tables: DescriptorTables(interruptStacks: stacks),
        stackTop: try makeStack(pages: stackPages)))
    return unsafe core
  }

  /// A stack above an unmapped page; the address of its top.
  private static func makeStack(pages: Int) throws(OutOfFrames) -> UInt64 {
    let base = try Frames.allocateContiguous(pages: pages + 1)
    do {
      try KernelPageTables.unmapGuard(base)
    } catch {
      throw OutOfFrames()
    }
    return base.value + UInt64(pages + 1) * pageSize
  }

  /// Starts every processor of the MADT but the calling one; those that do not answer are left out.
  static func startOthers(_ madt: MADT, interrupts: InterruptTable) throws(OutOfFrames) -> Int {
    let page = try Frames.allocateContiguous(pages: 1, below: 1 << 20)
    let size = Int(trampolineEndAddress() - trampolineStartAddress())
    unsafe pointer(page.value).copyMemory(from: pointer(trampolineStartAddress()), byteCount: size)
    let parameters = unsafe pointer(
      page.value + trampolineParametersAddress() - trampolineStartAddress()
    ).assumingMemoryBound(to: trampoline_parameters.self)
    let gdt = unsafe pointer(bootGDTPointerAddress())
    unsafe parameters.pointee.bootCR3 = UInt32(bootPML4Address())
    unsafe parameters.pointee.cr3 = readCR3()
    unsafe parameters.pointee.entry = UInt32(trampolineLongAddress())
    unsafe parameters.pointee.gdtLimit = gdt.loadUnaligned(as: UInt16.self)
    unsafe parameters.pointee.gdtBase = gdt.loadUnaligned(fromByteOffset: 2, as: UInt32.self)

    unsafe sharedInterruptTable = interrupts
    let own = unsafe Core.current.pointee.apicID
    var count = 1
    for position in madt.processors.indices {
      let apicID = madt.processors[position]
      guard apicID != own else { continue }
      guard count < Node.coreLimit else { break }
      let core = unsafe try prepare(index: count, apicID: apicID)
      unsafe parameters.pointee.stack = core.pointee.stackTop
      unsafe parameters.pointee.core = UInt64(UInt(bitPattern: core))
      if unsafe start(core, page: UInt8(page.value >> 12)) {
        count += 1
      } else {
        // Back to waiting for a start-up: a late start would run on the next one's stack.
        node.apic.sendINIT(to: apicID)
        log.warning("processor with APIC id \(apicID) does not start; going on without it")
      }
    }
    return count
  }

  private static func start(_ core: UnsafeMutablePointer<Core>, page: UInt8) -> Bool {
    let apicID = unsafe core.pointee.apicID
    node.apic.sendINIT(to: apicID)
    node.clock.spin(microseconds: 10_000)
    for _ in 0..<2 {
      node.apic.sendStartUp(page: page, to: apicID)
      if unsafe isOnline(core, within: 200) { return true }
    }
    return unsafe isOnline(core, within: 100_000)
  }

  private static func isOnline(_ core: UnsafeMutablePointer<Core>, within microseconds: UInt64) -> Bool {
    let end = readTSC() &+ node.clock.ticks(microseconds: microseconds)
    while readTSC() < end {
      if unsafe core.pointee.isOnline.load(ordering: .acquiring) { return true }
      pause()
    }
    return unsafe core.pointee.isOnline.load(ordering: .acquiring)
  }

  /// Lets the application processors go on to `runCore`.
  static func release() {
    isReleased.store(true, ordering: .releasing)
    for index in 1..<max(node.coreCount, 1) { node.apic.kick(unsafe node.cores[index].apicID) }
  }

  fileprivate static func pointer(_ address: UInt64) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
  }
}

private nonisolated(unsafe) var sharedInterruptTable: InterruptTable?

/// Where an application processor arrives from Boot/trampoline.asm.
@c(coreMain)
public func coreMain(_ address: UInt64) {
  let core = unsafe Cores.pointer(address).assumingMemoryBound(to: Core.self)
  unsafe Core.become(core)
  unsafe core.pointee.tables.load(interrupts: sharedInterruptTable.unsafelyUnwrapped)
  enableProcessorFeatures()
  node.apic.enable()
  unsafe core.pointee.isOnline.store(true, ordering: .releasing)
  // The kick that `release` sends ends the wait.
  while !isReleased.load(ordering: .acquiring) { waitForInterrupt() }
  runCore()
}

/// CR4 bits that our own code, or the guest state that it keeps in the core, relies on: XSAVE for XCR0, OSFXSR with
/// it, and MCE so that a machine check is reported rather than shut down on. SMEP and SMAP, since we have no user's
/// pages. With them, PSE and PGE, CR4 differs from a running Linux's only where translation does not depend on it,
/// which spares QEMU's interpreter a flush of its TLB at each entry and each exit.
func enableProcessorFeatures() {
  var bits =
    CR4.xsave | CR4.fxsr | CR4.simdExceptions | CR4.machineCheck | CR4.pageSizeExtension | CR4.pageGlobal
  let features = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).ebx : 0
  if features & 1 << 7 != 0 { bits |= CR4.smep }
  if features & 1 << 20 != 0 { bits |= CR4.smap }
  writeCR4(readCR4() | bits)
}
