import Memory

// How one guest is spread over the nodes of a cluster. Every node computes it for itself, from what all have announced,
// and all must come to the same result: so there are integers only, and nothing counts but the arguments.
//
// A node's memory goes, in this order, to what it needs for itself and its vCPUs, to what it must know of each page of the
// guest and of those that it is home to, and to frames: for pages, and one for a twin to 256 of those. The more RAM the
// guest has, the more each node has to know, and the fewer pages it can be home to; the most that the guest can have is
// where all nodes together can just be home to all of it. Each is home to its part of that, in proportion to what it could
// be home to. A guest with less RAM leaves frames over, in which a node keeps copies of the others' pages.

/// How the guest's RAM and vCPUs are spread over the nodes: each has one range of guest-physical memory and one of vCPUs,
/// in the order of the nodes' numbers.
public struct GuestLayout: Sendable {
  /// The guest's memory as a whole.
  public let map: GuestMemoryMap
  /// Where each node's RAM starts, in pages of which the holes have none, and at the end how many pages there are.
  private let firstRAMPages: [UInt64]
  /// Where each node's vCPUs start, and at the end how many there are.
  private let firstVCPUs: [Int]
  private var frameCounts: [Int] = []

  /// - Parameters:
  ///   - offers: the nodes', in the order of their numbers; at least one.
  ///   - costs: the same on all nodes.
  ///   - wanted: bytes of RAM that the guest is to have, rounded down to whole pages; nil for all there is. The `ramSize`
  ///     of a layout, wanted of the same nodes, gives that layout again.
  ///   - vCPUsPerNode: nil for one less than each node has cores, but at least one.
  public init(
    _ offers: [Offer], costs: Costs, wanted: UInt64?, vCPUsPerNode: Int? = nil
  ) throws(GuestLayoutError) {
    precondition(!offers.isEmpty)
    let vCPUCounts = offers.map { max(1, vCPUsPerNode ?? $0.coreCount - 1) }
    let budget = GuestBudget(offers, vCPUCounts, costs)
    let greatest = try budget.greatestMap()
    if let wanted {
      guard wanted <= greatest.ramSize else { throw .wantedTooMuch(available: greatest.ramSize) }
      guard let map = GuestMemoryMap(ramSize: wanted) else { throw .wantedTooLittle }
      self.map = map
    } else {
      map = greatest
    }
    firstRAMPages = budget.shares(of: map)
    var firstVCPUs = [0]
    for count in vCPUCounts { firstVCPUs.append(firstVCPUs[firstVCPUs.count - 1] + count) }
    self.firstVCPUs = firstVCPUs
    let pageCounts = pageCounts
    for node in 0..<nodeCount {
      frameCounts.append(budget.frameCount(of: node, homePageCount: pageCounts[node], map))
    }
  }

  public var nodeCount: Int { firstVCPUs.count - 1 }

  /// Bytes of RAM that the guest has, whole pages.
  public var ramSize: UInt64 { map.ramSize }

  // MARK: vCPUs

  public var vCPUCount: Int { firstVCPUs[nodeCount] }

  /// The node's vCPUs, counted over the whole guest.
  public func vCPUs(of node: Int) -> Range<Int> { firstVCPUs[node]..<firstVCPUs[node + 1] }

  /// - Parameter index: below `vCPUCount`.
  public func node(ofVCPU index: Int) -> Int {
    var low = 0
    var high = nodeCount
    // The node is in low..<high.
    while high - low > 1 {
      let middle = (low + high) / 2
      if firstVCPUs[middle] <= index { low = middle } else { high = middle }
    }
    return low
  }

  // MARK: Memory

  /// Frames that the node has for pages: at least `spareFrameCount` more than it is home to.
  public func frameCount(of node: Int) -> Int { frameCounts[node] }

  /// Frames that the node has for twins, besides.
  public func twinCount(of node: Int) -> Int { GuestBudget.twinCount(frameCount: frameCounts[node]) }

  /// Pages of the guest's RAM that the node is home to.
  public func ramPageCount(of node: Int) -> Int { Int(firstRAMPages[node + 1] - firstRAMPages[node]) }

  /// The RAM that the node is home to, in guest-physical bytes: one range, or several that holes divide; none where it is
  /// home to no page.
  public func memoryRanges(of node: Int) -> [Range<UInt64>] {
    let start = boundary(node) * pageSize
    let end = boundary(node + 1) * pageSize
    var ranges: [Range<UInt64>] = []
    for range in map.ranges {
      let part = max(start, range.lowerBound)..<max(start, range.lowerBound, min(end, range.upperBound))
      if !part.isEmpty { ranges.append(part) }
    }
    return ranges
  }

  /// How many page numbers each node is home to, from page 0 to the end of RAM. A hole belongs to the node whose RAM it
  /// divides, or follows.
  public var pageCounts: [UInt64] { (0..<nodeCount).map { boundary($0 + 1) - boundary($0) } }

  /// The page number where the node's range starts; behind the last node, the end of RAM.
  private func boundary(_ node: Int) -> UInt64 {
    let index = firstRAMPages[node]
    guard index < firstRAMPages[nodeCount] else { return map.endOfRAM.value / pageSize }
    var skipped: UInt64 = 0
    for range in map.ranges {
      let count = UInt64(range.count) / pageSize
      if index < skipped + count { return range.lowerBound / pageSize + index - skipped }
      skipped += count
    }
    return map.endOfRAM.value / pageSize
  }
}
