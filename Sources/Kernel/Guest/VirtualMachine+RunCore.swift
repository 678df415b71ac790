import CPU
import Machine
import VCPU

// A core's share of the virtual machine: the vCPUs that are pinned to it, one after the other where there are
// several, and on core 0 the devices' passing of time. A core without anything to run waits in HLT for its
// earliest timer or for a kick.

extension VirtualMachine {
  /// How long one vCPU runs while another waits for its core.
  private var sliceMicroseconds: UInt64 { 4000 }

  /// How often core 0 looks at the console's UART: its FIFO of 16 bytes fills in 1.4 ms at 115,200 baud.
  private var pollMicroseconds: UInt64 { 1000 }

  /// Runs the calling core's vCPUs until the machine ends.
  borrowing func runCore() {
    let core = Core.currentIndex
    let slice = node.clock.ticks(microseconds: sliceMicroseconds)
    // Bochs 2.7 does not let a physical interrupt end the run of a guest that has IF clear, so that a kick alone may
    // never reach a vCPU that spins there. The preemption timer does.
    let longestRun = node.clock.ticks(microseconds: 10_000)
    var loaded: Int?
    var last = core
    var platformDeadline: UInt64 = 0
    while ended == nil {
      if core == 0 && readTSC() >= platformDeadline {
        platformDeadline = advanceDevices()
        moveNextPage()
      }
      guard let next = runnable(on: core, after: last) else {
        wait(on: core, until: core == 0 ? platformDeadline : .max)
        continue
      }
      if loaded != next {
        if let loaded { unsafe processors[loaded].hardware.unload() }
        unsafe processors[next].hardware.load()
        loaded = next
      }
      last = next
      var deadline = min(core == 0 ? platformDeadline : .max, readTSC() &+ longestRun)
      if processorCount > node.coreCount { deadline = min(deadline, readTSC() &+ slice) }
      unsafe processors[next].run(self, until: deadline)
    }
    if let loaded { unsafe processors[loaded].hardware.unload() }
  }

  private borrowing func advanceDevices() -> UInt64 {
    let poll = readTSC() &+ node.clock.ticks(microseconds: pollMicroseconds)
    guard let event = advancePlatform() else { return poll }
    return min(poll, event &+ startTime)
  }

  /// The next vCPU of this core that has something to do, in turn.
  private borrowing func runnable(on core: Int, after last: Int) -> Int? {
    var index = last
    repeat {
      index += node.coreCount
      if index >= processorCount { index = core }
      guard index < processorCount else { return nil }
      if unsafe processors[index].isRunnable(self) { return index }
    } while index != last
    return nil
  }

  private borrowing func wait(on core: Int, until limit: UInt64) {
    var deadline = limit
    var index = core
    while index < processorCount {
      guard unsafe mailboxes[index].isEmpty else { return }
      if let timer = unsafe processors[index].wakeUpTime(self) { deadline = min(deadline, timer) }
      index += node.coreCount
    }
    let start = readTSC()
    guard deadline > start, ended == nil else { return }
    Core.arm(deadline)
    waitForInterrupt()
    if core < processorCount {
      unsafe processors[core].counters.idleTicks &+= readTSC() &- start
    }
  }
}
