import Testing

@testable import Simulator

/// Nothing is allocated once an engine has been made. `Tests/System/test_simulator.py` has `Simulator bench` say the same of a
/// release build, of more events.
struct AllocationTests {
  @Test func coherenceAllocatesNothingForAnEvent() {
    var benchmark = CoherenceBenchmark(nodeCount: 8)
    let result = benchmark.run(eventCount: 100_000, warmUp: 10_000)
    #expect(result.eventCount >= 100_000)
    #expect(result.allocationCount == 0)
  }

  @Test func nodesAndTheirLinksAllocateNothingForAnEvent() throws {
    var benchmark = try #require(NodeBenchmark(nodeCount: 3))
    let result = benchmark.run(eventCount: 100_000, warmUp: 20_000)
    #expect(result.eventCount >= 100_000 && benchmark.isSound)
    #if !DEBUG
      // What is generic takes boxes where the compiler does not specialise it.
      #expect(result.allocationCount == 0)
    #endif
    // Links lost frames, and pages travelled and were evicted.
    #expect(benchmark.retransmissionCount > 100 && benchmark.fullFrameCount > 1000)
    #expect(benchmark.evictionCount > 100)
  }

  /// One allocation in some thousand events, as an engine could make it.
  @Test func anAllocationNowAndThenIsSeen() throws {
    var rounds = 0
    var kept: [UInt64] = []
    func disturb() {
      rounds += 1
      if rounds % 1000 == 0 { kept = [UInt64](repeating: UInt64(rounds), count: 8) }
    }
    var coherence = CoherenceBenchmark(nodeCount: 2)
    coherence.disturb = disturb
    #expect(coherence.run(eventCount: 20_000, warmUp: 1000).allocationCount > 0)
    var nodes = try #require(NodeBenchmark(nodeCount: 2))
    rounds = 0
    nodes.disturb = disturb
    #expect(nodes.run(eventCount: 10_000, warmUp: 1000).allocationCount > 0)
    #expect(!kept.isEmpty)
  }
}
