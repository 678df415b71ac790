import Machine
import Memory
import Support
import Testing

/// Where the nodes' ranges are, whatever the nodes are like.
struct GuestLayoutRangeTests {
  /// What no layout may be without.
  private static func check(
    _ layout: GuestLayout, _ offers: [GuestLayout.Offer], _ costs: GuestLayout.Costs,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let nodes = 0..<layout.nodeCount
    #expect(layout.nodeCount == offers.count, sourceLocation: sourceLocation)
    // In order, disjoint, and nothing is left out.
    let all = nodes.flatMap(layout.memoryRanges)
    #expect(joined(all) == layout.map.ranges, sourceLocation: sourceLocation)
    #expect(
      layout.pageCounts.reduce(0, +) == layout.map.endOfRAM.value / 4096, sourceLocation: sourceLocation)
    var first: UInt64 = 0
    var firstVCPU = 0
    for node in nodes {
      let pages = first..<first + layout.pageCounts[node]
      let ranges = layout.memoryRanges(of: node)
      let isInside = ranges.allSatisfy {
        pages.lowerBound * 4096 <= $0.lowerBound && $0.upperBound <= pages.upperBound * 4096
      }
      #expect(isInside, sourceLocation: sourceLocation)
      let ramPageCount = layout.ramPageCount(of: node)
      #expect(ranges.reduce(0) { $0 + $1.count } == ramPageCount * 4096, sourceLocation: sourceLocation)
      let frameCount = layout.frameCount(of: node)
      let twinCount = layout.twinCount(of: node)
      #expect(ramPageCount + costs.spareFrameCount <= frameCount, sourceLocation: sourceLocation)
      #expect(twinCount == max(16, frameCount / 256), sourceLocation: sourceLocation)
      let vCPUs = layout.vCPUs(of: node)
      #expect(vCPUs.lowerBound == firstVCPU && !vCPUs.isEmpty, sourceLocation: sourceLocation)
      let spent =
        costs.fixed + offers[node].memoryPerVCPU * UInt64(vCPUs.count) + costs.perGuestPage
        * (layout.map.endOfRAM.value / 4096) + costs.perOwnPage * layout.pageCounts[node]
        + UInt64(frameCount) * (4096 + costs.perFrame) + UInt64(twinCount) * (4096 + costs.perTwin)
      #expect(spent <= offers[node].memorySize, "node \(node)", sourceLocation: sourceLocation)
      for index in [vCPUs.lowerBound, vCPUs.upperBound - 1] {
        #expect(layout.node(ofVCPU: index) == node, sourceLocation: sourceLocation)
      }
      first = pages.upperBound
      firstVCPU = vCPUs.upperBound
    }
    #expect(firstVCPU == layout.vCPUCount, sourceLocation: sourceLocation)
  }

  /// Ranges that follow each other without a gap, put together.
  private static func joined(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
    ranges.reduce(into: []) { joined, range in
      if let last = joined.last, last.upperBound == range.lowerBound {
        joined[joined.count - 1] = last.lowerBound..<range.upperBound
      } else {
        joined.append(range)
      }
    }
  }

  @Test func randomNodesHaveSoundLayouts() throws {
    var generator = SeededGenerator(seed: 1)
    var laidOutCount = 0
    for _ in 0..<300 {
      let nodeCount = Int.random(in: 1...([4, 64].randomElement(using: &generator)!), using: &generator)
      let offers = (0..<nodeCount).map { _ in
        GuestLayout.Offer(
          memorySize: generator.next() >> UInt64.random(in: 24...38, using: &generator),
          coreCount: .random(in: 1...16, using: &generator), memoryPerVCPU: generator.next() >> 46)
      }
      var costs = GuestLayout.Costs(
        fixed: generator.next() >> 44, perGuestPage: generator.next() >> 58,
        perOwnPage: generator.next() >> 58, perFrame: generator.next() >> 59, perTwin: generator.next() >> 59)
      costs.spareFrameCount = .random(in: 1...1000, using: &generator)
      guard let greatest = try? GuestLayout(offers, costs: costs, wanted: nil) else { continue }
      laidOutCount += 1
      Self.check(greatest, offers, costs)
      let wanted = UInt64.random(in: GuestMemoryMap.minimumRAM...greatest.ramSize, using: &generator)
      let smaller = try GuestLayout(offers, costs: costs, wanted: wanted)
      #expect(smaller.ramSize == wanted & ~4095)
      Self.check(smaller, offers, costs)
    }
    #expect(laidOutCount > 100)
  }

  /// A hole between two nodes' RAM belongs to the first of them.
  @Test func aBoundaryAtAHoleIsBehindIt() throws {
    let offers = GuestLayoutTests.offers([4096, 4096, 4096, 4096])
    let costs = GuestLayoutTests.costs
    let holes = [GuestMemoryMap.legacyHole, GuestMemoryMap.deviceHole]
    for (hole, edge) in zip(holes, [0xA_0000, 0xC000_0000 - 0x4_0000] as [UInt64]) {
      for node in 1...2 where edge * 4 / UInt64(node) >= GuestMemoryMap.minimumRAM {
        // The node's RAM starts at or up to four pages before or behind the hole.
        for offset in -4...4 {
          let wanted = UInt64(Int(edge) + offset * 4096) * 4 / UInt64(node)
          let layout = try GuestLayout(offers, costs: costs, wanted: wanted)
          Self.check(layout, offers, costs)
          let before = layout.memoryRanges(of: node - 1)
          let ranges = layout.memoryRanges(of: node)
          let distance = UInt64(abs(offset) * 4096)
          if offset < 0 {
            #expect(ranges[0] == hole.lowerBound - distance..<hole.lowerBound)
            #expect(ranges[1].lowerBound == hole.upperBound)
          } else {
            #expect(ranges[0].lowerBound == hole.upperBound + distance)
            #expect(before.last!.upperBound == (offset == 0 ? hole.lowerBound : hole.upperBound + distance))
          }
          let end = layout.pageCounts[..<node].reduce(0, +) * 4096
          #expect(end == ranges[0].lowerBound)
        }
      }
    }
  }

  @Test func theNodeWhoseRAMAHoleDividesHasItOnBothSides() throws {
    let offers = GuestLayoutTests.offers([2500, 2500, 2500])
    let layout = try GuestLayout(offers, costs: GuestLayoutTests.costs, wanted: 6 << 30)
    Self.check(layout, offers, GuestLayoutTests.costs)
    #expect(layout.memoryRanges(of: 0) == [0..<0xA_0000, 0xE_0000..<0x8004_0000])
    #expect(
      layout.memoryRanges(of: 1) == [0x8004_0000..<0xC000_0000, 0x1_0000_0000..<0x1_4004_0000])
    #expect(layout.memoryRanges(of: 2) == [0x1_4004_0000..<0x1_C004_0000])
    #expect(layout.pageCounts == [0x8_0040, 0xC_0000, 0x8_0000])
  }

  @Test func manyNodesOverTheDeviceHole() throws {
    let offers = GuestLayoutTests.offers([UInt64](repeating: 256, count: 64))
    let layout = try GuestLayout(offers, costs: GuestLayoutTests.costs, wanted: nil)
    Self.check(layout, offers, GuestLayoutTests.costs)
    #expect(layout.ramSize > 8 << 30)
    let holders = (0..<64).filter { layout.pageCounts[$0] > layout.ramPageCount(of: $0) + 64 }
    #expect(holders.count == 1)
  }

  /// What is announced is anybody's: no number traps.
  @Test func absurdOffersAreLaidOutOrRefused() throws {
    var generator = SeededGenerator(seed: 2)
    let greatest = [GuestLayout.Offer](
      repeating: GuestLayout.Offer(
        memorySize: .max, coreCount: Int(UInt16.max), memoryPerVCPU: 8 << 20), count: 256)
    let layout = try GuestLayout(greatest, costs: GuestLayoutTests.costs, wanted: nil)
    Self.check(layout, greatest, GuestLayoutTests.costs)
    #expect(layout.ramSize < 256 << 44)
    for _ in 0..<200 {
      let offers = (0..<Int.random(in: 1...8, using: &generator)).map { _ in
        GuestLayout.Offer(
          memorySize: generator.anyMagnitude(),
          coreCount: Int(UInt16(truncatingIfNeeded: generator.anyMagnitude())),
          memoryPerVCPU: generator.anyMagnitude() & (1 << 30 - 1))
      }
      let wanted = Bool.random(using: &generator) ? generator.anyMagnitude() : nil
      do throws(GuestLayoutError) {
        Self.check(
          try GuestLayout(offers, costs: GuestLayoutTests.costs, wanted: wanted), offers,
          GuestLayoutTests.costs)
      } catch {
        if case .tooLittle(let node) = error { #expect(offers.indices.contains(node)) }
      }
    }
  }
}
