import Memory

/// What the nodes can give to a guest, as `GuestLayout` describes.
struct GuestBudget {
  private let memorySizes: [UInt64]
  /// Bytes that each node's vCPUs take.
  private let vCPUSizes: [UInt64]
  private let costs: GuestLayout.Costs

  /// Announcements may say anything: a node counts for no more than 16 TiB, as far as frames can be.
  private static let greatestMemory: UInt64 = 1 << 44

  /// Every node must be able to be home to this number of pages, and keeps frames for them.
  private static let leastPageCount = GuestMemoryMap.minimumRAM / pageSize

  private static let leastTwinCount = 16

  /// Frames for pages of which there is one twin.
  private static let framesPerTwin = 256

  init(_ offers: [GuestLayout.Offer], _ vCPUCounts: [Int], _ costs: GuestLayout.Costs) {
    memorySizes = offers.map { min($0.memorySize, Self.greatestMemory) }
    vCPUSizes = offers.indices.map { UInt64(vCPUCounts[$0]) * offers[$0].memoryPerVCPU }
    self.costs = costs
  }

  static func twinCount(frameCount: Int) -> Int { max(leastTwinCount, frameCount / framesPerTwin) }

  /// Bytes of a frame for pages, and of a twin, with what is known of them.
  private var frameSize: UInt64 { pageSize + costs.perFrame }
  private var twinSize: UInt64 { pageSize + costs.perTwin }

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
    // Twins for p + s frames are no more than p / `framesPerTwin` and those for s, rounded up.
    let spareTwinCount = max(Self.leastTwinCount, costs.spareFrameCount / Self.framesPerTwin + 1)
    let spent =
      holePageCount * costs.perOwnPage + UInt64(costs.spareFrameCount) * frameSize + UInt64(spareTwinCount)
      * twinSize
    let left = left(of: node, map)
    let framesPerTwin = UInt64(Self.framesPerTwin)
    return left < spent
      ? 0 : (left - spent) * framesPerTwin / (framesPerTwin * (frameSize + costs.perOwnPage) + twinSize)
  }

  /// The most frames for pages that there is room for, with twins besides; never more than could be in use.
  func frameCount(of node: Int, homePageCount: UInt64, _ map: GuestMemoryMap) -> Int {
    let left = left(of: node, map) - homePageCount * costs.perOwnPage
    let framesPerTwin = UInt64(Self.framesPerTwin)
    // With one twin for that many, and with the least number of twins.
    let greatest = min(
      left * framesPerTwin / (framesPerTwin * frameSize + twinSize),
      (left - UInt64(Self.leastTwinCount) * twinSize) / frameSize)
    return min(Int(greatest), Int(map.ramSize / pageSize) + costs.spareFrameCount)
  }

  /// Bytes for frames and for what is known of the node's own pages.
  private func left(of node: Int, _ map: GuestMemoryMap) -> UInt64 {
    let spent = costs.fixed + vCPUSizes[node] + map.endOfRAM.value / pageSize * costs.perGuestPage
    return memorySizes[node] < spent ? 0 : memorySizes[node] - spent
  }
}
