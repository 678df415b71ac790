extension Main {
  /// The status: 0 where the engines allocate nothing, 1 where they do, or where allocations are not seen.
  static func bench() -> Int32 {
    guard isCounting else {
      print("allocations are not counted")
      return 1
    }
    var coherence = CoherenceBenchmark(nodeCount: 8)
    let pages = coherence.run(eventCount: 10_000_000, warmUp: 1_000_000)
    print("coherence, 8 nodes: \(pages.text)")
    guard var nodes = NodeBenchmark(nodeCount: 4) else {
      print("no cluster has formed")
      return 1
    }
    let whole = nodes.run(eventCount: 2_000_000, warmUp: 200_000)
    print(
      "whole nodes, 4 with links: \(whole.text); \(nodes.retransmissionCount) frames sent again, "
        + "\(nodes.fullFrameCount) with parts of pages, \(nodes.evictionCount) evictions")
    guard nodes.isSound else {
      print("a node has stopped")
      return 1
    }
    return pages.allocationCount == 0 && whole.allocationCount == 0 ? 0 : 1
  }

  /// Whether an allocation now and then, made on purpose, is seen.
  private static var isCounting: Bool {
    var rounds = 0
    var kept: [Int] = []
    var benchmark = CoherenceBenchmark(nodeCount: 2)
    benchmark.disturb = {
      rounds += 1
      if rounds % 1000 == 0 { kept = [Int](repeating: rounds, count: 8) }
    }
    return benchmark.run(eventCount: 100_000, warmUp: 10_000).allocationCount > 0 && !kept.isEmpty
  }
}
