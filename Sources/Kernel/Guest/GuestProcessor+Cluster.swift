import CPU
import Coherence
import EPT
import Machine
import Memory
import Node
import VCPU

// A vCPU of a virtual machine on several nodes: how it gets pages, and devices, that are elsewhere.
//
// It waits for a page at the top of an exit's handling alone: never in the middle of its virtual TLB, which has to follow
// shootdowns meanwhile, and never with a lock. Then the guest executes its instruction once more. The page stays here, pinned,
// until the guest has come past that instruction; see PinnedPages on how several of them do not lead to a deadlock.

extension GuestProcessor {
  /// For how long a page may be pinned, in microseconds: many times what it takes to get another one.
  private static var longestPin: UInt64 { 200_000 }

  /// Gets a page of RAM for this node, and works for the engine until it is there.
  mutating func acquire(_ page: PageNumber, _ access: PageAccess, _ vm: borrowing VirtualMachine<Host>) {
    let start = readTSC()
    let slot = slot
    // Who waits for a page must have pinned lower ones only.
    while let other = pins.removeOne(after: page) { vm.withCluster { $0.release(other, vm) } }
    let holdsPin = pins.remove(page)
    vm.withCluster { $0.begin(slot, page, access, holdsPin: holdsPin, vm) }
    if wait(vm, for: { $0.isPinned(slot) }) == true { pin(page, vm) }
    mustServe = true
    guard vm.withCluster({ $0.countWait(slot, since: start) }) == true else { return }
    let address = hardware.instructionPointer
    vm.withCluster { $0.noteInstruction(address, of: slot) }
  }

  /// Works for the cluster until it has what `result` looks for; nil where the machine has ended before, and on one PC.
  private mutating func wait<Result>(
    _ vm: borrowing VirtualMachine<Host>, for result: (inout ClusterGuest) -> Result?
  ) -> Result? {
    guard unsafe vm.cluster != nil else { return nil }
    var lastWork = readTSC()
    while vm.ended == nil {
      if let result = vm.withCluster(result) ?? nil { return result }
      workOrWait(&lastWork, vm)
    }
    return nil
  }

  /// Does what there is to do while this vCPU waits, and halts where there has been nothing for a while.
  ///
  /// - Parameter lastWork: when there was something, as the TSC has it.
  private mutating func workOrWait(_ lastWork: inout UInt64, _ vm: borrowing VirtualMachine<Host>) {
    let hasWorked = vm.work()
    takeShootdowns(vm)
    vm.takeShootdowns(besides: slot)
    vm.doChoresIfDue()
    let now = readTSC()
    if hasWorked || vm.isShootingDown { lastWork = now }
    if now &- lastWork >= vm.pollTicks { vm.waitForCluster() }
  }

  private mutating func pin(_ page: PageNumber, _ vm: borrowing VirtualMachine<Host>) {
    if pins.count == PinnedPages.limit { releasePins(vm) }
    _ = pins.insert(page)
    pinnedAt = hardware.instructionPointer
    pinnedRunTime = 0
    pinDeadline = readTSC() &+ node.clock.ticks(microseconds: Self.longestPin)
  }

  /// Releases what is pinned for an instruction that the guest has come past.
  ///
  /// A loop that waits for a word to change may be found at the same instruction each time: then it has run for long enough. But
  /// not where the instruction still lacks a page.
  ///
  /// - Parameter ticks: for which the guest has just run.
  @inline(__always)
  mutating func releasePassedPins(after exit: VCPUExit, _ ticks: UInt64, _ vm: borrowing VirtualMachine<Host>)
  {
    guard pins.count > 0 else { return }
    switch exit {
    case .violation, .pageFault: pinnedRunTime = 0
    default: pinnedRunTime &+= ticks
    }
    if hardware.instructionPointer != pinnedAt || pinnedRunTime >= vm.longestPinnedRun
      || readTSC() >= pinDeadline
    {
      releasePins(vm)
    }
  }

  mutating func releasePins(_ vm: borrowing VirtualMachine<Host>) {
    while let page = pins.removeOne() {
      vm.withCluster { $0.release(page, vm) }
      mustServe = true
    }
  }

  /// Makes an access to RAM, with its page acquired first where this node has it not.
  mutating func accessing<Result>(
    _ access: PageAccess, _ vm: borrowing VirtualMachine<Host>,
    _ body: (inout GuestRAM<Host.Format>) throws(GuestMemoryError) -> Result
  ) throws(GuestMemoryError) -> Result {
    while true {
      var ram = vm.ram
      do {
        return try body(&ram)
      } catch {
        guard case .hole(let address) = error, vm.mustAcquire(address) else { throw error }
        acquire(address.page, access, vm)
      }
    }
  }

  /// Drops what has been taken away from this node since it last did so. On this vCPU's core.
  mutating func takeShootdowns(_ vm: borrowing VirtualMachine<Host>) {
    guard let cluster = unsafe vm.cluster else { return }
    let shadow = unsafe shadow
    let end = unsafe cluster.pointee.shootdowns.forEachNew(slot) { shootdown in
      guard let shadow = unsafe shadow else { return }
      _ = unsafe shadow.pointee.secondLevelChanged(shootdown.page, to: shootdown.permissions)
    }
    guard let end else { return }
    if unsafe shadow == nil { hardware.dropTranslations() } else { settleInvalidation() }
    unsafe cluster.pointee.shootdowns.finish(slot, at: end)
  }

  // MARK: Devices

  /// Carries out an access to a device, wherever it is.
  mutating func access(_ access: DeviceAccess, _ vm: borrowing VirtualMachine<Host>) -> UInt32 {
    if vm.hasDevices { return vm.access(access) }
    let number = UInt16(index)
    let slot = slot
    if access.isWrite, !access.mayEndGuest, vm.withCluster({ $0.post(access, ofVCPU: number, slot) }) == true
    {
      mustServe = true
      return 0
    }
    vm.withCluster { cluster in
      cluster.replies[slot] = nil
      cluster.say(.device(vcpu: number, access), to: ClusterGuest.deviceNode, vm)
    }
    return wait(vm) { $0.replies[slot] } ?? .max
  }

  mutating func endInterrupt(_ vector: UInt8, _ vm: borrowing VirtualMachine<Host>) {
    if vm.hasDevices { return vm.withPlatform { $0.endOfInterrupt(vector) } }
    vm.withCluster { $0.say(.endOfInterrupt(vector: vector), to: ClusterGuest.deviceNode, vm) }
  }

  /// Has all nodes know how this vCPU is addressed before it goes on.
  mutating func tellAddressing(_ vm: borrowing VirtualMachine<Host>) {
    vm.updateRoute(index, apic.addressing)
    _ = wait(vm) { $0.unansweredAddressings == 0 ? true : nil }
  }

  /// Lets messages to other nodes drain where there are many.
  mutating func waitForOutbox(_ vm: borrowing VirtualMachine<Host>) {
    guard let outbox = unsafe vm.cluster?.pointee.outbox, unsafe outbox.pointee.isCrowded else { return }
    _ = wait(vm) { unsafe $0.outbox.pointee.isCrowded ? nil : true }
  }
}
