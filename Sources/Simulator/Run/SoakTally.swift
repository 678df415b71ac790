/// What the runs of a soak have come to, together.
struct SoakTally {
  /// How often something has happened, and in how many runs.
  private struct Count {
    var name: String
    var times: UInt64 = 0
    var runs = 0

    mutating func add(_ more: UInt64) {
      times += more
      if more > 0 { runs += 1 }
    }
  }

  private var runCount = 0
  private var accesses: UInt64 = 0
  private var troubledAccesses: UInt64 = 0
  private var leastTroubledAccesses = UInt64.max
  private var events: UInt64 = 0
  /// Virtual nanoseconds from the first access to the end of faults.
  private var troubledTime: UInt64 = 0
  /// Runs with rates of losses and of replays in the upper third of what there is.
  private var lossyRuns = 0
  private var replayingRuns = 0
  /// Stands for all that has happened in all runs.
  private var hash = StateHash()
  private var counts = [
    "frames lost", "frames cut off", "frames replayed", "frames reordered", "frames late by up to 20 ms",
    "frames with wrong bits", "frames without room", "pauses of a node", "failures of a cable", "partitions",
    "one-way partitions", "messages", "frames sent again", "evictions", "shootdowns", "pins that expired",
  ].map { Count(name: $0) }

  mutating func add(_ simulation: Simulation) {
    let statistics = simulation.statistics
    runCount += 1
    accesses += statistics.accessCount
    troubledAccesses += statistics.troubledAccesses
    leastTroubledAccesses = min(leastTroubledAccesses, statistics.troubledAccesses)
    events += statistics.eventCount
    troubledTime += simulation.healedAt - min(simulation.healedAt, simulation.startedAt)
    if statistics.rates.loss >= 0.2 { lossyRuns += 1 }
    if statistics.rates.replay >= 1.0 / 3 { replayingRuns += 1 }
    hash.add(simulation.hash.high)
    hash.add(simulation.hash.low)
    let numbers = [
      statistics.dropped, statistics.cutOff, statistics.replayed, statistics.reordered, statistics.heldBack,
      statistics.corrupted, statistics.overflows, statistics.pauses, statistics.linkFailures,
      statistics.partitions, statistics.oneWayPartitions, statistics.messageCount, statistics.retransmissions,
      statistics.messages[3], statistics.shootdowns, statistics.expiredPins,
    ]
    for index in counts.indices { counts[index].add(numbers[index]) }
  }

  var line: String { "\(runCount) runs, \(accesses) accesses, \(events) events" }

  var table: String {
    var lines = counts.map { count in
      RunReport.padded(count.name, 28) + RunReport.padded("\(count.times)", 14)
        + RunReport.padded("in \(count.runs) runs", 18)
    }
    lines += [
      "",
      "\(troubledAccesses) accesses while there were faults, at least \(leastTroubledAccesses) in each run, "
        + "in \(troubledTime / 1_000_000_000) s of virtual time",
      "loss of 20 % and more in \(lossyRuns) runs, replay of 33 % and more in \(replayingRuns) runs; "
        + "hash \(String(hash.high, radix: 16))",
    ]
    return lines.joined(separator: "\n")
  }
}
