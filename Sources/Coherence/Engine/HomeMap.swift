import Memory
import Wire

/// Which node keeps the directory of which pages: each node of one contiguous range, in the order of their numbers.
public struct HomeMap: Sendable {
  /// Where each node's range starts, and at the end where the last one ends.
  private let bounds: [UInt64]

  /// - Parameter pageCounts: how many pages each node is home to.
  public init(pageCounts: [UInt64]) {
    precondition(!pageCounts.isEmpty && pageCounts.count <= NodeID.limit)
    var bounds = [UInt64](repeating: 0, count: pageCounts.count + 1)
    for index in 0..<pageCounts.count { bounds[index + 1] = bounds[index] + pageCounts[index] }
    self.bounds = bounds
  }

  public var nodeCount: Int { bounds.count - 1 }

  public var pageCount: Int { Int(bounds[nodeCount]) }

  /// The first page of which `node` is home.
  public func firstPage(of node: NodeID) -> PageNumber { PageNumber(bounds[node.index]) }

  public func pageCount(of node: NodeID) -> Int { Int(bounds[node.index + 1] - bounds[node.index]) }

  /// The home of `page`; nil where there is no such page.
  public func home(of page: PageNumber) -> NodeID? {
    guard page.value < bounds[nodeCount] else { return nil }
    var low = 0
    var high = nodeCount
    // The home is in low..<high.
    while high - low > 1 {
      let middle = (low + high) / 2
      if bounds[middle] <= page.value { low = middle } else { high = middle }
    }
    return NodeID(UInt16(truncatingIfNeeded: low))
  }
}
