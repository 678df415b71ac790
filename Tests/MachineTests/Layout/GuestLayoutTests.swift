import Machine
import Memory
import Testing

struct GuestLayoutTests {
  static let costs = GuestLayout.Costs(
    fixed: 8 << 20, perGuestPage: 32, perOwnPage: 24, perFrame: 8, perTwin: 24)

  static func offers(_ megabytes: [UInt64], cores: Int = 4) -> [GuestLayout.Offer] {
    megabytes.map { GuestLayout.Offer(memorySize: $0 << 20, coreCount: cores, memoryPerVCPU: 64 << 10) }
  }

  private static func layout(
    _ megabytes: [UInt64], wanted: UInt64? = nil
  ) throws -> GuestLayout {
    try GuestLayout(offers(megabytes), costs: costs, wanted: wanted)
  }

  @Test func oneNodeHasItAll() throws {
    let layout = try Self.layout([512])
    #expect(layout.nodeCount == 1)
    #expect(layout.vCPUs(of: 0) == 0..<3)
    #expect(layout.ramPageCount(of: 0) == Int(layout.ramSize / 4096))
    #expect(layout.memoryRanges(of: 0) == [0..<0xA_0000, 0xE_0000..<layout.map.endOfRAM.value])
    #expect(layout.pageCounts == [layout.map.endOfRAM.value / 4096])
    // 504 MiB less vCPUs; of each page's 4160 bytes and its twin's 16, 4096 are the guest's.
    #expect((493 << 20..<495 << 20).contains(layout.ramSize))
  }

  @Test(arguments: [2, 3, 7, 64])
  func equalNodesHaveEqualParts(count: Int) throws {
    let layout = try Self.layout([UInt64](repeating: 128, count: count))
    let ramPageCounts = (0..<count).map(layout.ramPageCount)
    #expect(ramPageCounts.max()! - ramPageCounts.min()! <= 1)
    #expect(Set((0..<count).map { layout.vCPUs(of: $0).count }) == [3])
    // All of it is in use: what is left of each node is less than for 20 pages.
    guard layout.map.highRange.isEmpty else { return }
    for node in 0..<count { #expect(layout.frameCount(of: node) - ramPageCounts[node] - 33 < 20) }
  }

  @Test func unequalNodesHaveWhatTheyCanBeHomeTo() throws {
    let layout = try Self.layout([256, 64, 1024])
    let megabytes = (0..<3).map { layout.ramPageCount(of: $0) >> 8 }
    #expect((220...248).contains(megabytes[0]))
    #expect((35...56).contains(megabytes[1]))
    #expect((950...1016).contains(megabytes[2]))
  }

  @Test func aSmallNodeLimitsWhatTheGuestCanHave() throws {
    // Each node knows all pages: at 32 bytes each, those of 1 TiB are too many for 64 MiB.
    let layout = try Self.layout([64, 1 << 20])
    #expect((4 << 30..<6 << 30).contains(layout.ramSize))
    #expect(layout.frameCount(of: 0) > 512)
    #expect(layout.frameCount(of: 1) == Int(layout.ramSize / 4096) + 33)
  }

  @Test func lessRAMLeavesMoreFramesForCopies() throws {
    let full = try Self.layout([256, 256, 512])
    let half = try Self.layout([256, 256, 512], wanted: full.ramSize / 2)
    #expect(half.ramSize == full.ramSize / 2 & ~4095)
    for node in 0..<3 {
      let share = full.ramPageCount(of: node) / 2
      // What the nodes need not know of the other half's pages is a little more where there are few frames.
      #expect(abs(half.ramPageCount(of: node) - share) <= share / 100)
      let usefulCount = Int(half.ramSize / 4096) + 33
      #expect(half.frameCount(of: node) >= min(full.frameCount(of: node), usefulCount))
    }
  }

  @Test func noNodeHasMoreFramesThanCouldBeInUse() throws {
    let layout = try Self.layout([4096, 4096], wanted: 16 << 20)
    #expect((0..<2).map(layout.frameCount) == [4096 + 33, 4096 + 33])
    #expect((0..<2).map(layout.twinCount) == [16, 16])
    #expect((0..<2).map(layout.ramPageCount) == [2048, 2048])
  }

  @Test func whatIsWantedIsRoundedDownToPages() throws {
    #expect(try Self.layout([256], wanted: 100 << 20 + 4095).ramSize == 100 << 20)
  }

  @Test func aPlansSizeGivesTheSameLayout() throws {
    let first = try Self.layout([256, 100, 300])
    let second = try Self.layout([256, 100, 300], wanted: first.ramSize)
    #expect(first.pageCounts == second.pageCounts)
    #expect((0..<3).map(first.frameCount) == (0..<3).map(second.frameCount))
  }

  @Test func noMoreIsGivenThanThereIs() throws {
    let available = try Self.layout([256, 256]).ramSize
    for wanted in [available + 4096, 1 << 40, .max] {
      #expect(throws: GuestLayoutError.wantedTooMuch(available: available)) {
        try Self.layout([256, 256], wanted: wanted)
      }
    }
    _ = try Self.layout([256, 256], wanted: available + 4095 & ~4095)
  }

  @Test func lessThanTheLeastGuestIsRefused() throws {
    for wanted in [0, 4096, GuestMemoryMap.minimumRAM - 1] {
      #expect(throws: GuestLayoutError.wantedTooLittle) { try Self.layout([256], wanted: wanted) }
    }
    #expect(try Self.layout([256], wanted: GuestMemoryMap.minimumRAM).ramSize == GuestMemoryMap.minimumRAM)
  }

  @Test func aNodeThatIsTooSmallIsNamed() {
    for megabytes: UInt64 in [0, 1, 8, 10] {
      #expect(throws: GuestLayoutError.tooLittle(node: 2)) { try Self.layout([256, 64, megabytes, 0]) }
    }
    #expect(throws: Never.self) { try Self.layout([256, 64, 12]) }
  }

  /// Nodes may keep different amounts for their vCPUs: only theirs is less for it.
  @Test func whatVCPUsTakeIsTheirNodesOwn() throws {
    let cheap = Self.offers([256, 256])
    var dear = cheap
    dear[1].memoryPerVCPU += 8 << 20
    let first = try GuestLayout(cheap, costs: Self.costs, wanted: nil)
    let second = try GuestLayout(dear, costs: Self.costs, wanted: nil)
    // Three vCPUs of 8 MiB, less what need not be known of that much memory.
    #expect((23 << 8...24 << 8).contains(first.ramPageCount(of: 1) - second.ramPageCount(of: 1)))
    #expect(abs(second.ramPageCount(of: 0) - first.ramPageCount(of: 0)) < 64)
  }

  @Test func coresToSpareAreVCPUs() throws {
    let offers = [1, 2, 8, 1].map {
      GuestLayout.Offer(memorySize: 64 << 20, coreCount: $0, memoryPerVCPU: 64 << 10)
    }
    let layout = try GuestLayout(offers, costs: Self.costs, wanted: nil)
    #expect((0..<4).map(layout.vCPUs) == [0..<1, 1..<2, 2..<9, 9..<10])
    #expect(layout.vCPUCount == 10)
    #expect((0..<10).map(layout.node(ofVCPU:)) == [0, 1, 2, 2, 2, 2, 2, 2, 2, 3])
    let three = try GuestLayout(offers, costs: Self.costs, wanted: nil, vCPUsPerNode: 3)
    #expect((0..<4).map(three.vCPUs) == [0..<3, 3..<6, 6..<9, 9..<12])
  }
}
