import AllocationCounter

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
        + "\(nodes.fullFrameCount) with parts of pages")
    guard nodes.isSound else {
      print("a node has stopped")
      return 1
    }
    return pages.allocationCount == 0 && whole.allocationCount == 0 ? 0 : 1
  }

  /// Whether an allocation that is made on purpose is seen.
  private static var isCounting: Bool {
    let before = allocationCount()
    let array = [UInt64](repeating: before == 0 ? 1 : 2, count: 1 + Int(before % 2))
    return allocationCount() > before && !array.isEmpty
  }
}
