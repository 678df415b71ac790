import Testing

@testable import Simulator

/// Runs check each read against one memory that all share, whoever keeps the memory of the cluster.
struct BaselineTests {
  private static func run(
    _ sharing: SharingProtocol, _ change: (inout RunOptions) -> Void, trace: String? = nil
  ) throws -> Simulation {
    var options = RunOptions()
    options.sharing = sharing
    change(&options)
    if trace != nil {
      options.workload = .replay
      options.tracePath = "-"
      // Nothing happens at the same time as anything else.
      options.thinkTime = 2_000_000
    }
    #expect(options.problem == nil)
    let accesses = try trace.map {
      try AccessTrace($0, vcpuCount: options.shape.vcpuCount, pageCount: options.pages)
    }
    let simulation = Simulation(options, trace: accesses)
    simulation.run()
    #expect(simulation.failure == nil, "\(simulation.options.command)")
    return simulation
  }

  @Test(
    arguments: SharingProtocol.allCases.filter { $0 != .bigIron },
    Workload.Name.allCases.filter { $0 != .replay })
  func everyWorkloadSeesTheLastWrites(sharing: SharingProtocol, name: Workload.Name) throws {
    for faults in [FaultLevel.none, .wild] {
      let simulation = try Self.run(sharing) {
        $0.workload = name
        $0.vcpusPerNode = 2
        $0.accessCount = 60
        $0.pageCount = 32
        $0.faults = faults
      }
      #expect(simulation.statistics.accessCount == 480)
    }
  }

  @Test(arguments: SharingProtocol.allCases)
  func aNodeThatKeepsWhatItGivesAwayIsFound(sharing: SharingProtocol) {
    var options = RunOptions()
    options.sharing = sharing
    options.accessCount = 200
    let simulation = Simulation(options)
    simulation.nodes[0].engine = ForgetfulEngine(simulation.nodes[0].engine)
    simulation.run()
    #expect(simulation.failure != nil)
  }

  @Test(arguments: SharingProtocol.allCases)
  func theSameSeedGivesTheSameRun(sharing: SharingProtocol) throws {
    func hash(_ seed: UInt64) throws -> StateHash {
      try Self.run(sharing) {
        $0.seed = seed
        $0.accessCount = 50
      }.hash
    }
    #expect(try hash(3) == hash(3))
    #expect(try hash(3) != hash(4))
  }

  @Test(arguments: SharingProtocol.allCases)
  func theVCPUsMakeTheSameAccesses(sharing: SharingProtocol) throws {
    func accesses(_ sharing: SharingProtocol) throws -> [String] {
      let record = try Self.run(sharing) {
        $0.workload = .zipf
        $0.accessCount = 30
        $0.recordPath = "-"
      }.record
      return (record ?? []).sorted()
    }
    #expect(try accesses(sharing) == accesses(.bigIron))
  }

  /// Node 0 is home to page 0. Node 1 has written to it; so node 2 asks node 0, which asks node 1.
  @Test func thePageComesBackAlongTheChain() throws {
    let trace = "1 w 0\n2 r 1\n2 r 1\n2 r 1\n2 w 0\n"
    let change: (inout RunOptions) -> Void = {
      $0.nodeCount = 3
      $0.pageCount = 3
    }
    let ivy = try Self.run(.ivy, change, trace: trace).statistics
    // Node 2 has fetched page 1, too: two messages. Nodes 1 and 2 have written page 0.
    #expect(ivy.messages[0] == 1 && ivy.messages[1] == 3 && ivy.messages[12] == 4)
    let direct = try Self.run(.ivyDirect, change, trace: trace).statistics
    #expect(direct.messages[0] == 1 && direct.messages[1] == 3 && direct.messages[12] == 3)
    let own = try Self.run(.bigIron, change, trace: trace).statistics
    #expect(own.messages[1] == 2 && own.messages[5] == 1 && own.messages[12] == 3)
  }

  /// All of four nodes have a copy, then one of them writes, which owns the page since it was the last to read.
  @Test func copiesAreDroppedOneAfterAnother() throws {
    let readers = (0..<4).map { String(repeating: "\($0) r \($0)\n", count: 1 + $0) + "\($0) r 0\n" }
    let trace = readers.joined() + "3 w 0\n"
    func latency(_ sharing: SharingProtocol) throws -> UInt64 {
      let change: (inout RunOptions) -> Void = {
        $0.pageCount = 4
        $0.network = .oneGigabit
      }
      let statistics = try Self.run(sharing, change, trace: trace).statistics
      // Big Iron's home need not send a message to itself.
      #expect(statistics.messages[6] == (sharing == .ivy ? 3 : 2) && statistics.messages[13] == 3)
      let upgrades = statistics.samples[Statistics.FaultKind.upgrade.rawValue]
      #expect(upgrades.count == 1)
      return upgrades[0].total
    }
    let ivy = try latency(.ivy)
    let own = try latency(.bigIron)
    // Three round trips instead of three one-way delays.
    #expect(ivy > own * 5 / 4)
  }

  @Test(arguments: [SharingProtocol.ivy, .ivyDirect, .homeMSI])
  func whatHasAPageHasAllOfIt(sharing: SharingProtocol) throws {
    // Nobody writes: all pages are zero, which Big Iron's homes say in one frame.
    let trace = (0..<8).map { "\($0 % 4) r \(($0 * 3 + 1) % 8)\n" }.joined()
    let statistics = try Self.run(sharing, { $0.pageCount = 8 }, trace: trace).statistics
    let others = statistics.messageCount - statistics.messages[12]
    #expect(statistics.messages[12] > 0)
    #expect(statistics.pageFrames == others + 3 * statistics.messages[12])
  }

  /// Two frames for four pages.
  @Test func swapSendsAwayWhatWasNotUsedForTheLongestTime() throws {
    let trace = "0 w 0\n0 w 1\n0 r 2\n0 r 1\n0 r 3\n0 r 0\n0 r 1\n0 r 3\n"
    let statistics = try Self.run(
      .swap,
      {
        $0.nodeCount = 3
        $0.pageCount = 4
        $0.frameCount = 2
      }, trace: trace
    ).statistics
    #expect(statistics.accessCount == 8)
    // Page 0 goes for 2, 2 for 3 (it was never written to), 1 for 0, 3 for 1, and 0 for 3, which comes back as zeros.
    #expect(statistics.messages[3] == 2)
    #expect(statistics.messages[0] == 2 && statistics.messages[12] == 2)
    #expect(statistics.samples[Statistics.FaultKind.firstTouch.rawValue].count == 4)
  }

  @Test func optionsThatDoNotFitAreTold() {
    #expect(throws: OptionError.self) { try RunOptions(["--protocol", "ivy", "--frames", "100"]) }
    #expect(throws: OptionError.self) { try RunOptions(["--protocol", "swap", "--nodes", "1"]) }
    #expect(throws: OptionError.self) { try RunOptions(["--protocol", "swap", "--frames", "0"]) }
    #expect(throws: OptionError.self) { try RunOptions(["--protocol", "mesi"]) }
  }
}
