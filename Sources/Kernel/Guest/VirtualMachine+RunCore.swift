import CPU
import Machine
import VCPU

// A core's share of the virtual machine: the vCPUs that are pinned to it, one after the other where there are
// several, and on core 0 the devices' passing of time. A core without anything to run waits in HLT for its
// earliest timer or for a kick.
//
// Of a node of a cluster with several cores, core 0 runs no vCPU but works for the node's engine all the time. A single core
// does that between two entries of its vCPUs, and the controller's interrupt ends its runs.

extension VirtualMachine {
  /// How long one vCPU runs while another waits for its core.
  private var sliceMicroseconds: UInt64 { 4000 }

  /// How often core 0 looks at the console's UART: its FIFO of 16 bytes fills in 1.4 ms at 115,200 baud.
  private var pollMicroseconds: UInt64 { 1000 }

  /// Runs the calling core's vCPUs until the machine ends.
  borrowing func runCore() {
    let core = Core.currentIndex
    if core == serviceCore { return serve() }
    let slice = node.clock.ticks(microseconds: sliceMicroseconds)
    // Bochs 2.7 does not let a physical interrupt end the run of a guest that has IF clear, so that a kick alone may
    // never reach a vCPU that spins there. The preemption timer does.
    let longestRun = node.clock.ticks(microseconds: longestRunMicroseconds)
    var loaded: Int?
    var last = firstSlot(on: core)
    var choreDeadline: UInt64 = 0
    while ended == nil {
      if core == 0, readTSC() >= choreDeadline {
        choreDeadline = doChores()
        if !isDistributed { moveNextPage() }
      }
      if isDistributed, serviceCore == nil { serveCluster() }
      guard let next = runnable(on: core, after: last) else {
        wait(on: core, until: core == 0 ? choreDeadline : .max)
        continue
      }
      if loaded != next {
        if let loaded { unsafe processors[loaded].hardware.unload() }
        unsafe processors[next].hardware.load()
        loaded = next
      }
      last = next
      var deadline = min(core == 0 ? choreDeadline : .max, readTSC() &+ longestRun)
      if processorCount > vCPUCoreCount { deadline = min(deadline, readTSC() &+ slice) }
      unsafe processors[next].run(self, until: deadline)
    }
    if let loaded { unsafe processors[loaded].hardware.unload() }
  }

  /// How long a vCPU may run without an exit. Where its core also serves the node, and the controller cannot interrupt it,
  /// that is how long a peer may wait.
  private var longestRunMicroseconds: UInt64 {
    unsafe isDistributed && serviceCore == nil && !DoorbellInterrupt.isConnected ? 50 : 10_000
  }

  private func firstSlot(on core: Int) -> Int { serviceCore == nil ? core : core - 1 }

  /// What core 0 does at times, and when it is to be done again.
  private borrowing func doChores() -> UInt64 {
    _ = withCluster { unsafe $0.service.pointee.doChores(hasGuestConsole: hasDevices) }
    return advanceDevices()
  }

  /// Does them while the vCPU of a single core waits.
  borrowing func doChoresIfDue() {
    guard serviceCore == nil, Core.currentIndex == 0 else { return }
    let isDue = withCluster { unsafe $0.service.pointee.areChoresDue } ?? false
    if isDue { _ = doChores() }
  }

  private borrowing func advanceDevices() -> UInt64 {
    let poll = readTSC() &+ node.clock.ticks(microseconds: pollMicroseconds)
    guard hasDevices, let event = advancePlatform() else { return poll }
    return min(poll, event &+ startTime)
  }

  /// The next vCPU of this core that has something to do, in turn.
  private borrowing func runnable(on core: Int, after last: Int) -> Int? {
    let first = firstSlot(on: core)
    var slot = last
    repeat {
      slot += vCPUCoreCount
      if slot >= processorCount { slot = first }
      guard slot < processorCount else { return nil }
      if unsafe processors[slot].isRunnable(self) { return slot }
    } while slot != last
    return nil
  }

  private borrowing func wait(on core: Int, until limit: UInt64) {
    var deadline = limit
    var slot = firstSlot(on: core)
    while slot < processorCount {
      guard unsafe mailboxes[slot].isEmpty else { return }
      if let timer = unsafe processors[slot].wakeUpTime(self) { deadline = min(deadline, timer) }
      slot += vCPUCoreCount
    }
    if isDistributed, serviceCore == nil {
      guard let next = clusterDeadline() else { return pause() }
      deadline = min(deadline, next)
    }
    let start = readTSC()
    guard deadline > start, ended == nil else { return }
    Core.arm(deadline)
    waitForInterrupt()
    if firstSlot(on: core) < processorCount {
      unsafe processors[firstSlot(on: core)].counters.idleTicks &+= readTSC() &- start
    }
  }

  // MARK: Service of a cluster's node

  /// Works for the engine, and has the vCPUs of this core drop what it has taken away.
  private borrowing func serveCluster() {
    work()
    takeShootdowns()
    if isShootingDown { work() }
  }

  /// When there is something to do for the engine; nil where that may be at any time, since nobody would say.
  private borrowing func clusterDeadline() -> UInt64? {
    guard unsafe DoorbellInterrupt.isConnected else { return nil }
    return withCluster { unsafe $0.service.pointee.wakeUpTime }.flatMap { $0 }
  }

  /// How long a vCPU runs while it has pages pinned and its core does not serve the node.
  var pinnedRunTicks: UInt64 { node.clock.ticks(microseconds: 20) }

  /// For how long a vCPU runs at most until what it has pinned is released: an instruction that has its pages is done by then,
  /// or has got on.
  var longestPinnedRun: UInt64 { node.clock.ticks(microseconds: 100) }

  /// `ClusterService.pollTime` in ticks.
  var pollTicks: UInt64 { node.clock.ticks(microseconds: ClusterService.pollTime / 1000) }

  /// Halts a core whose vCPU waits for something until there may be news of it: a frame, a kick, or something due.
  borrowing func waitForCluster() {
    let isServed = serviceCore != nil
    // What the service core does for this one comes with a kick; what this core does itself may come without.
    let limit = readTSC() &+ node.clock.ticks(microseconds: pollMicroseconds)
    guard let deadline = isServed ? limit : clusterDeadline(), deadline > readTSC(), ended == nil else {
      return
    }
    Core.arm(deadline)
    waitForInterrupt()
  }

  /// What a core without vCPUs does.
  private borrowing func serve() {
    var choreDeadline: UInt64 = 0
    var lastWork = readTSC()
    while ended == nil {
      let now = readTSC()
      if now >= choreDeadline { choreDeadline = doChores() }
      if work() || isShootingDown {
        lastWork = now
      } else if now &- lastWork >= pollTicks {
        guard let deadline = clusterDeadline() else { continue }
        let end = min(deadline, choreDeadline)
        guard end > readTSC(), ended == nil else { continue }
        Core.arm(end)
        waitForInterrupt()
      }
    }
  }
}
