import CPU
import Coherence
import Machine
import Memory
import VCPU

extension GuestProcessor {
  /// Whether there is anything to run: takes in what other cores have posted, and what its timer owes.
  mutating func isRunnable(_ vm: borrowing VirtualMachine<Host>) -> Bool {
    if unsafe !vm.mailboxes[slot].isEmpty { takeMail(vm) }
    switch activity {
    case .running: return true
    case .halted:
      let now = readTSC()
      if let timer = timerDeadline(vm), now >= timer { apic.expireTimer(now: now &- vm.startTime) }
      guard hasPendingNMI || (wakesOnInterrupt && apic.highestPending != nil) else { return false }
      activity = .running
      return true
    case .waitingForStartUp, .stopped: return false
    }
  }

  /// When a halted vCPU's own timer wakes it, in host time.
  func wakeUpTime(_ vm: borrowing VirtualMachine<Host>) -> UInt64? {
    activity == .halted && wakesOnInterrupt ? timerDeadline(vm) : nil
  }

  /// When the vCPU's timer is due, in host time.
  @inline(__always)
  func timerDeadline(_ vm: borrowing VirtualMachine<Host>) -> UInt64? {
    apic.timerDeadline.map { $0 &+ vm.startTime }
  }

  private mutating func takeMail(_ vm: borrowing VirtualMachine<Host>) {
    let signals = unsafe vm.mailboxes[slot].takeSignals()
    if signals.contains(.dropTranslations) {
      if vm.isDistributed {
        takeShootdowns(vm)
      } else {
        applyShootdown(vm)
        vm.acknowledgeShootdown()
      }
    }
    if signals.contains(.initialize) {
      releasePins(vm)
      if activity == .running || activity == .halted { vm.processorParked() }
      apic.receiveINIT()
      vm.updateRoute(index, apic.addressing)
      activity = .waitingForStartUp
      hasPendingNMI = false
      startUpVector = nil
      if index == 0 {
        // The bootstrap processor does not wait: it begins at the reset vector (SDM Vol. 3A, 9.4.2).
        isRestarting = true
        activity = .running
        vm.processorStarted()
      }
    }
    if signals.contains(.startUp) && activity == .waitingForStartUp {
      startUpVector = signals.startUpVector
      activity = .running
      vm.processorStarted()
    }
    if signals.contains(.nmi) { hasPendingNMI = true }
    if signals.contains(.interrupts) {
      unsafe vm.mailboxes[slot].takeInterrupts { vector, trigger in apic.accept(vector, trigger: trigger) }
    }
  }

  /// Runs the guest, exit by exit, until it halts, the host's TSC reaches `deadline`, or the machine ends.
  mutating func run(_ vm: borrowing VirtualMachine<Host>, until deadline: UInt64) {
    if isRestarting {
      reset(to: ArchitecturalState(), vm)
      isRestarting = false
    }
    if let vector = startUpVector {
      reset(to: ArchitecturalState(startUpVector: vector), vm)
      startUpVector = nil
    }
    // Whoever ends the machine sets that before it posts to the mailboxes, so one of the two looks sees it.
    guard vm.ended == nil else { return }
    while true {
      if vm.isDistributed { serveCluster(vm) }
      if unsafe !vm.mailboxes[slot].isEmpty {
        // A start-up needs the state set first: above.
        takeMail(vm)
        if vm.ended != nil || startUpVector != nil || isRestarting { return }
      }
      guard activity == .running else { return releasePins(vm) }
      let start = readTSC()
      if let timer = timerDeadline(vm), start >= timer { apic.expireTimer(now: start &- vm.startTime) }
      deliverEvents()
      var bound = min(deadline, timerDeadline(vm) ?? .max)
      // Nobody interrupts this core for a peer that waits for what is pinned.
      if pins.count > 0, vm.serviceCore != nil { bound = min(bound, start &+ vm.pinnedRunTicks) }
      if !hardware.boundsRuns { Core.arm(bound) }
      // Interrupts are masked: what is posted after the look above kicks the core out of the guest.
      if timeBase != vm.startTime { followTime(start, vm) }
      let exit = hardware.run(from: start, until: bound)
      let end = readTSC()
      lastExit = end
      counters.guestTicks &+= end &- start
      releasePassedPins(after: exit, end &- start, vm)
      handle(exit, vm)
      if end >= deadline { return }
    }
  }

  /// Works for the cluster between two entries, as far as no other core does it.
  private mutating func serveCluster(_ vm: borrowing VirtualMachine<Host>) {
    waitForOutbox(vm)
    guard vm.serviceCore == nil || mustServe || !vm.isOutboxEmpty else { return }
    mustServe = false
    vm.work()
    takeShootdowns(vm)
    vm.takeShootdowns(besides: slot)
    if vm.isShootingDown { vm.work() }
  }

  /// The machine's time has been corrected. The guest's must not be before what it can have seen at its last exit.
  private mutating func followTime(_ now: UInt64, _ vm: borrowing VirtualMachine<Host>) {
    let change = vm.startTime &- timeBase
    let isBack = Int64(bitPattern: change) > 0
    timeBase &+= isBack ? min(change, now &- lastExit) : change
    hardware.timeOffset = apic.tscAdjust &- timeBase
  }

  /// Gives the guest the event that is due most: an NMI, else the highest interrupt; where it cannot take it
  /// yet, asks to be told when it can.
  @inline(__always)
  private mutating func deliverEvents() {
    if hasPendingNMI {
      guard hardware.canTakeNMI else { return hardware.requestNMIWindow(true) }
      hasPendingNMI = false
      hardware.inject(.nmi)
      if apic.highestPending != nil { hardware.requestInterruptWindow(true) }
      return
    }
    guard let vector = apic.highestPending else { return }
    guard hardware.canTakeInterrupt else { return hardware.requestInterruptWindow(true) }
    apic.acknowledge(vector)
    hardware.inject(.interrupt(vector))
  }
}
