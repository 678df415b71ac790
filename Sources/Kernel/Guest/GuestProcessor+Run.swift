import CPU
import Machine
import Memory
import VCPU

extension GuestProcessor {
  /// Whether there is anything to run: takes in what other cores have posted, and what its timer owes.
  mutating func isRunnable(_ vm: borrowing VirtualMachine<Host>) -> Bool {
    if unsafe !vm.mailboxes[index].isEmpty { takeMail(vm) }
    switch activity {
    case .running: return true
    case .halted:
      expireTimer(vm)
      guard hasPendingNMI || apic.highestPending != nil else { return false }
      activity = .running
      return true
    case .waitingForStartUp, .stopped: return false
    }
  }

  /// When the vCPU's timer is due, in host time.
  func timerDeadline(_ vm: borrowing VirtualMachine<Host>) -> UInt64? {
    apic.timerDeadline.map { $0 &+ vm.startTime }
  }

  private mutating func expireTimer(_ vm: borrowing VirtualMachine<Host>) {
    guard let deadline = apic.timerDeadline else { return }
    let now = vm.now
    if now >= deadline { apic.expireTimer(now: now) }
  }

  private mutating func takeMail(_ vm: borrowing VirtualMachine<Host>) {
    let signals = unsafe vm.mailboxes[index].takeSignals()
    if signals.contains(.initialize) {
      apic.receiveINIT()
      vm.updateRoute(index, apic.addressing)
      activity = .waitingForStartUp
      hasPendingNMI = false
      startUpVector = nil
    }
    if signals.contains(.startUp) && activity == .waitingForStartUp {
      startUpVector = signals.startUpVector
      activity = .running
      vm.processorStarted()
    }
    if signals.contains(.nmi) { hasPendingNMI = true }
    if signals.contains(.interrupts) {
      unsafe vm.mailboxes[index].takeInterrupts { vector, trigger in apic.accept(vector, trigger: trigger) }
    }
  }

  /// Runs the guest, exit by exit, until it halts, the host's TSC reaches `deadline`, or the machine ends.
  mutating func run(_ vm: borrowing VirtualMachine<Host>, until deadline: UInt64) {
    while isRunnable(vm) {
      guard vm.ended == nil else { return }
      if let vector = startUpVector {
        hardware.reset(to: ArchitecturalState(startUpVector: vector))
        startUpVector = nil
      }
      expireTimer(vm)
      deliverEvents()
      let bound = min(deadline, timerDeadline(vm) ?? .max)
      if !hardware.boundsRuns { node.apic.setTimer(deadline: bound) }
      // Interrupts are masked: what is posted after this look kicks the core out of the guest.
      guard unsafe vm.mailboxes[index].isEmpty else { continue }
      let start = readTSC()
      let exit = hardware.run(until: bound)
      counters.guestTicks &+= readTSC() &- start
      handle(exit, vm)
      if readTSC() >= deadline { return }
    }
  }

  /// Gives the guest the event that is due most: an NMI, else the highest interrupt; where it cannot take it
  /// yet, asks to be told when it can.
  @inline(__always)
  private mutating func deliverEvents() {
    if hasPendingNMI {
      guard hardware.canTakeNMI else { return hardware.requestNMIWindow(true) }
      hasPendingNMI = false
      return hardware.inject(.nmi)
    }
    guard let vector = apic.highestPending else { return }
    guard hardware.canTakeInterrupt else { return hardware.requestInterruptWindow(true) }
    apic.acknowledge(vector)
    hardware.inject(.interrupt(vector))
  }
}
