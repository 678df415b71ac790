import Testing

@testable import Simulator

struct RunTests {
  private static func simulation(_ change: (inout RunOptions) -> Void) -> Simulation {
    var options = RunOptions()
    change(&options)
    #expect(options.problem == nil)
    return Simulation(options)
  }

  @Test func theSameSeedGivesTheSameRun() {
    func run(_ seed: UInt64) -> Simulation {
      let simulation = Self.simulation {
        $0.seed = seed
        $0.accessCount = 200
        $0.faults = .wild
        $0.frameCount = 100
      }
      simulation.run()
      return simulation
    }
    let first = run(7)
    let second = run(7)
    #expect(first.failure == nil && first.statistics.troubles + first.statistics.eventCount > 1000)
    #expect(first.hash == second.hash)
    #expect(
      RunReport(first, duration: .seconds(1)).json == RunReport(second, duration: .seconds(1)).json)
    #expect(run(8).hash != first.hash)
  }

  @Test(arguments: Workload.Name.allCases.filter { $0 != .replay }, [2, 4])
  func everyWorkloadEndsInSpiteOfFaults(name: Workload.Name, nodeCount: Int) {
    for seed in 1...3 as ClosedRange<UInt64> {
      let simulation = Self.simulation {
        $0.nodeCount = nodeCount
        $0.seed = seed
        $0.workload = name
        $0.vcpusPerNode = 2
        $0.accessCount = 60
        $0.pageCount = 8 * nodeCount
        $0.faults = .wild
      }
      simulation.run()
      #expect(simulation.failure == nil, "\(simulation.options.command)")
      #expect(simulation.statistics.accessCount == UInt64(120 * nodeCount))
    }
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func evictionLosesNothing(seed: UInt64) {
    let simulation = Self.simulation {
      $0.nodeCount = 3
      $0.seed = seed
      $0.accessCount = 300
      $0.pageCount = 150
      $0.frameCount = 80
      $0.faults = .wild
    }
    simulation.run()
    #expect(simulation.failure == nil)
    #expect(simulation.statistics.messages[3] > 50)
  }

  /// It used to evict its own pages again and again, which freed nothing, and never those of others.
  @Test func aNodeFullOfPagesThatNobodyElseHasMakesRoom() {
    let simulation = Self.simulation {
      $0.nodeCount = 3
      $0.seed = 918
      $0.network = .hundredGigabit
      $0.accessCount = 615
      $0.pageCount = 168
      $0.frameCount = 83
      $0.thinkTime = 12440
      $0.faults = .wild
    }
    simulation.run()
    #expect(simulation.failure == nil)
  }

  @Test func sixtyFourNodesWork() {
    let simulation = Self.simulation {
      $0.nodeCount = 64
      $0.accessCount = 5
    }
    simulation.run()
    #expect(simulation.failure == nil)
    #expect(simulation.statistics.accessCount == 320)
  }

  /// The second node reads a page that the first one, its home, has written: a request there, a page back.
  @Test func aReadOnAnIdleNetworkTakesTheSumOfItsParts() throws {
    var options = RunOptions()
    options.nodeCount = 2
    options.workload = .replay
    options.tracePath = "-"
    options.pageCount = 2
    options.frameCount = 100
    // Half a millisecond lies between any two accesses.
    options.thinkTime = 500_000
    let text = "0 w 0\n" + String(repeating: "1 r 1\n", count: 3) + "1 r 0\n"
    let trace = try AccessTrace(text, vcpuCount: 2, pageCount: 2)
    let simulation = Simulation(options, trace: trace)
    simulation.run()
    #expect(simulation.failure == nil)
    let samples = simulation.statistics.samples[Statistics.FaultKind.read.rawValue]
    #expect(samples.count == 1)
    let exitAndFault = 316 + 200
    // 102 bytes, or 126 with what Ethernet adds, on two cables at 10 Gb/s, two adapters and the switch.
    let request = 330 + (500 + 101 + 100) + 1000 + (101 + 100 + 500)
    // Taken and handled; the home's own vCPUs lose the page, which its engine is told.
    let home = 530 + 1333 + 200
    // The page comes as 1,510, 1,486 and 1,358 bytes. The first is written, then all three go one after another; at the
    // port the third waits for the second, which is longer.
    let page = 477 + 500 + (1228 + 1208 + 1106) + 100 + 1000 + 122 + (1106 + 100 + 500)
    // It is handled, then the vCPU goes on.
    let end = 663 + 316
    let sum = UInt64(exitAndFault + request + home + page + end)
    #expect(sum == 13_737)
    #expect(samples[0].total.distance(to: sum).magnitude <= sum / 100)
    #expect(samples[0].shares.total == samples[0].total)
    #expect(samples[0].shares.queue == 122 && samples[0].shares.waiting == 0)
    #expect(simulation.statistics.messageCount == 3 && simulation.statistics.pageFrames == 5)
  }
}
