import Testing

@testable import Simulator

struct SoakTests {
  @Test func allFaultsMeansAllOfThemAndUntilTheAccessesAreDone() throws {
    let soak = try Soak(["--faults", "all", "--accesses", "1000"])
    for seed in 1...12 as ClosedRange<UInt64> {
      let options = soak.options(seed: seed)
      #expect(options.problem == nil && options.nodeCount > 1 && options.workload != .privatePages)
      let simulation = Simulation(options)
      simulation.run()
      let statistics = simulation.statistics
      #expect(simulation.failure == nil, "\(options.command)")
      #expect(statistics.troubledAccesses >= 1000 && statistics.accessCount >= 1250)
      let rates = statistics.rates
      #expect(
        [rates.loss, rates.replay, rates.reordering, rates.delay, rates.corruption].allSatisfy { $0 > 0 })
      #expect(rates.loss <= 0.3 && rates.replay <= 0.5)
      #expect(statistics.pauses >= 8 && statistics.linkFailures >= 8)
      #expect(statistics.partitions >= 8 && statistics.oneWayPartitions >= 8)
    }
  }

  @Test func highRatesAreDrawnAsOftenAsLowOnes() {
    var random = SplitMix64(seed: 1)
    let rates = (0..<1000).map { _ in FaultLevel.all.rates(&random) }
    #expect((280...390).contains(rates.count { $0.loss >= 0.2 }))
    #expect((280...390).contains(rates.count { $0.replay >= 1.0 / 3 }))
  }

  @Test func theTallyCountsRunsAndTimes() throws {
    var tally = SoakTally()
    let soak = try Soak(["--faults", "none", "--accesses", "100"])
    for seed in 1...2 as ClosedRange<UInt64> {
      let simulation = Simulation(soak.options(seed: seed))
      simulation.run()
      tally.add(simulation)
    }
    #expect(tally.line.hasPrefix("2 runs, "))
    #expect(tally.table.contains("pauses of a node             0         in 0 runs"))
    #expect(tally.table.contains("loss of 20 % and more in 0 runs"))
  }

  @Test(arguments: [["--faults", "some"], ["--accesses", "0"], ["--runs", "0"], ["--speed"]])
  func optionsThatMakeNoSenseAreRefused(_ arguments: [String]) {
    #expect(throws: OptionError.self) { try Soak(arguments) }
  }
}
