import Testing

@testable import Simulator

/// How many messages follow one another from a fault to its end.
struct CriticalPathTests {
  /// The faults of a trace in which nothing happens at the same time as anything else.
  private static func faults(
    _ sharing: SharingProtocol, _ trace: String, nodes: Int
  ) throws -> Statistics {
    var options = RunOptions()
    options.sharing = sharing
    options.nodeCount = nodes
    options.pageCount = nodes
    options.workload = .replay
    options.tracePath = "-"
    options.thinkTime = 3_000_000
    let accesses = try AccessTrace(trace, vcpuCount: nodes, pageCount: nodes)
    let simulation = Simulation(options, trace: accesses)
    simulation.run()
    #expect(simulation.failure == nil)
    return simulation.statistics
  }

  /// So many accesses of a vCPU's own page as let the others go first.
  private static func pause(_ vcpu: Int, _ count: Int) -> String {
    String(repeating: "\(vcpu) r \(vcpu)\n", count: count)
  }

  @Test func aReadOfAPageThatNobodyElseHasTakesTwo() throws {
    let untouched = try Self.faults(.bigIron, "1 r 0\n", nodes: 2)
    #expect(untouched.paths(.read) { $0.isUnshared } == [0, 0, 1])
    #expect(untouched.paths(.read) { !$0.isUnshared } == [])
  }

  @Test func aReadTakesTwoFromItsHomeAndThreeFromElsewhere() throws {
    let home = try Self.faults(.bigIron, "0 w 0\n" + Self.pause(1, 2) + "1 r 0\n", nodes: 2)
    #expect(home.paths(.read) == [0, 0, 1])
    let trace = "1 w 0\n" + Self.pause(2, 2) + "2 r 0\n"
    #expect(try Self.faults(.bigIron, trace, nodes: 3).paths(.read) == [0, 0, 0, 1])
    // The chain of two requests, there and back.
    #expect(try Self.faults(.ivy, trace, nodes: 3).paths(.read) == [0, 0, 0, 0, 1])
    #expect(try Self.faults(.ivyDirect, trace, nodes: 3).paths(.read) == [0, 0, 0, 1])
  }

  /// The home is node 0; the nodes from 1 on read the page one after another, and node 1 writes to it.
  @Test(arguments: [1, 2, 7, 31])
  func anUpgradeTakesThreeHoweverManyShareThePage(sharers: Int) throws {
    let nodes = sharers + 2
    let readers = (1..<nodes).map { Self.pause($0, $0) + "\($0) r 0\n" }.joined()
    let trace = readers + Self.pause(1, nodes) + "1 w 0\n"
    let own = try Self.faults(.bigIron, trace, nodes: nodes)
    #expect(own.messages[6] == UInt64(sharers))
    #expect(own.paths(.upgrade) == [0, 0, 0, 1])
    // Each reader knows the next one alone.
    let ivy = try Self.faults(.ivy, trace, nodes: nodes).paths(.upgrade)
    #expect(ivy.count - 1 == 2 * sharers && ivy.last == 1)
  }

  @Test func anUpgradeOfTheHomeTakesTwo() throws {
    let trace =
      "0 r 0\n" + Self.pause(1, 2) + "1 r 0\n" + Self.pause(2, 4) + "2 r 0\n" + Self.pause(0, 6) + "0 w 0\n"
    #expect(try Self.faults(.bigIron, trace, nodes: 3).paths(.upgrade) == [0, 0, 1])
  }

  @Test func swapTakesTwo() throws {
    var options = RunOptions()
    options.sharing = .swap
    options.workload = .zipf
    options.accessCount = 200
    let simulation = Simulation(options)
    simulation.run()
    let reads = simulation.statistics.paths(.read)
    #expect(reads.count == 3 && reads[2] > 50)
  }

  @Test(arguments: Workload.Name.allCases.filter { $0 != .replay })
  func noWorkloadNeedsMore(name: Workload.Name) throws {
    var options = RunOptions()
    options.workload = name
    options.nodeCount = 6
    options.accessCount = 300
    let simulation = Simulation(options)
    simulation.run()
    #expect(simulation.failure == nil)
    let statistics = simulation.statistics
    #expect(statistics.paths(.read) { $0.isUnshared }.count <= 3)
    for kind in [Statistics.FaultKind.read, .write, .upgrade] {
      let paths = statistics.paths(kind)
      #expect(paths.count <= 4 && paths.prefix(1).allSatisfy { $0 == 0 }, "\(kind): \(paths)")
    }
  }
}
