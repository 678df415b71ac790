import Memory

/// What the nodes can give to a guest, as `GuestLayout` describes.
struct GuestBudget {
  private let memorySizes: [UInt64]
  private let vCPUCounts: [Int]
  private let costs: GuestLayout.Costs

  /// Announcements may say anything: a node counts for no more than 16 TiB, as far as frames can be.
  private static let greatestMemory: UInt64 = 1 << 44

  /// Every node must be able to be home to this number of pages, and keeps frames for them.
  private static let leastPageCount = GuestMemoryMap.minimumRAM / pageSize

  private static let leastTwinCount = 16

  init(_ offers: [GuestLayout.Offer], _ vCPUCounts: [Int], _ costs: GuestLayout.Costs) {
    memorySizes = offers.map { min($0.memorySize, Self.greatestMemory) }
    self.vCPUCounts = vCPUCounts
    self.costs = costs
  }

  static func twinCount(frameCount: Int) -> Int { max(leastTwinCount, frameCount / 32) }

  /// The guest with as much RAM as can be.
  func greatestMap() throws(GuestLayoutError) -> GuestMemoryMap {
    // One with `low` pages of RAM can be, one with `high` can't.
    var low = Self.leastPageCount
    guard let least = GuestMemoryMap(ramSize: low * pageSize) else { throw .wantedTooLittle }
    for node in memorySizes.indices where capacity(of: node, least) < Self.leastPageCount {
      throw .tooLittle(node: node)
    }
    var greatest = least
    var high = memorySizes.reduce(0, +) / pageSize + 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if let map = GuestMemoryMap(ramSize: middle * pageSize), canBe(map) {
        low = middle
        greatest = map
      } else {
        high = middle
      }
    }
    return greatest
  }

  /// Whether the nodes can be home to all of its RAM. They can then to all of any smaller one's.
  private func canBe(_ map: GuestMemoryMap) -> Bool {
    var sum: UInt64 = 0
    for node in memorySizes.indices {
      let capacity = capacity(of: node, map)
      guard capacity >= Self.leastPageCount else { return false }
      sum += capacity
    }
    return sum >= map.ramSize / pageSize
  }

  /// Where each node's RAM starts, in pages of which the holes have none, and at the end how many pages there are.
  ///
  /// The first n nodes have that part of all RAM that is theirs of all capacity, rounded down. As there is no more RAM than
  /// capacity, no node's share is above its own.
  func shares(of map: GuestMemoryMap) -> [UInt64] {
    let pageCount = map.ramSize / pageSize
    var sums: [UInt64] = [0]
    for node in memorySizes.indices { sums.append(sums[node] + capacity(of: node, map)) }
    let all = sums[memorySizes.count]
    return sums.map { sum in
      // At most `pageCount`, so that the quotient fits.
      all.dividingFullWidth(pageCount.multipliedFullWidth(by: sum)).quotient
    }
  }

  /// The pages of RAM that the node can be home to: as many as take the frames for them, twins and spare ones included, and
  /// what is known of them. Any node's range may have the holes in it: all keep what these cost.
  private func capacity(of node: Int, _ map: GuestMemoryMap) -> UInt64 {
    let holePageCount = map.endOfRAM.value / pageSize - map.ramSize / pageSize
    // Twins for p + s frames are no more than p / 32 and those for s, rounded up.
    let spareTwinCount = max(Self.leastTwinCount, costs.spareFrameCount / 32 + 1)
    let spareCount = UInt64(costs.spareFrameCount + spareTwinCount)
    let spent = holePageCount * costs.perOwnPage + spareCount * pageSize
    let left = left(of: node, map)
    return left < spent ? 0 : (left - spent) * 32 / (33 * pageSize + 32 * costs.perOwnPage)
  }

  /// The most frames for pages that there is room for, with twins besides; never more than could be in use.
  func frameCount(of node: Int, homePageCount: UInt64, _ map: GuestMemoryMap) -> Int {
    let count = Int((left(of: node, map) - homePageCount * costs.perOwnPage) / pageSize)
    // The greatest n for which n + n / 32 is not above `count`.
    let greatest = min((32 * count + 31) / 33, count - Self.leastTwinCount)
    return min(greatest, Int(map.ramSize / pageSize) + costs.spareFrameCount)
  }

  /// Bytes for frames and for what is known of the node's own pages.
  private func left(of node: Int, _ map: GuestMemoryMap) -> UInt64 {
    let spent =
      costs.fixed + UInt64(vCPUCounts[node]) * costs.perVCPU + map.endOfRAM.value / pageSize
      * costs.perGuestPage
    return memorySizes[node] < spent ? 0 : memorySizes[node] - spent
  }
}
