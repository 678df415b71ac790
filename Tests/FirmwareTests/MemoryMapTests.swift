import Firmware
import Memory
import Testing

@Suite struct MemoryMapTests {
  private func map(_ lines: [(Range<UInt64>, MemoryMap.Kind)]) -> MemoryMap {
    MemoryMap(entries(lines).span)
  }

  private func entries(_ lines: [(Range<UInt64>, MemoryMap.Kind)]) -> [MemoryMap.Entry] {
    lines.map { MemoryMap.Entry(physical($0.0), $0.1) }
  }

  @Test func entriesAreSorted() {
    let map = map([
      (0x10_0000..<0x20_0000, .usable), (0..<0x9_F000, .usable), (0xF_0000..<0x10_0000, .reserved),
    ])
    #expect(
      map.entries.array
        == entries([
          (0..<0x9_F000, .usable), (0xF_0000..<0x10_0000, .reserved), (0x10_0000..<0x20_0000, .usable),
        ]))
  }

  @Test func theMostRestrictiveOfOverlappingKindsWins() {
    let map = map([
      (0x4000..<0x8000, .reserved), (0..<0x1_0000, .usable), (0x6000..<0xA000, .acpiReclaimable),
      (0x7000..<0x7800, .defective),
    ])
    #expect(
      map.entries.array
        == entries([
          (0..<0x4000, .usable), (0x4000..<0x7000, .reserved), (0x7000..<0x7800, .defective),
          (0x7800..<0x8000, .reserved), (0x8000..<0xA000, .acpiReclaimable), (0xA000..<0x1_0000, .usable),
        ]))
  }

  @Test func usableRangesAreRoundedInwardAfterNeighboursHaveJoined() {
    let map = map([
      (0x3800..<0x5400, .usable), (0x1001..<0x3800, .usable), (0x8001..<0x8FFF, .usable),
      (0x9001..<0x9002, .reserved),
    ])
    #expect(map.entries.array == entries([(0x2000..<0x5000, .usable), (0x9001..<0x9002, .reserved)]))
    #expect(map.usableByteCount == 0x3000)
  }

  @Test func usableMemoryEndsWhereProcessorsCannotReach() {
    let limit = MemoryMap.addressLimit.value
    let map = map([(limit - 0x1000..<UInt64.max, .usable)])
    #expect(map.entries.array == entries([(limit - 0x1000..<limit, .usable)]))
    #expect(self.map([(UInt64.max - 0x800..<UInt64.max, .usable)]).entries.isEmpty)
  }

  @Test func piecesThatFindNoRoomAreDroppedAndCounted() {
    var lines: [(Range<UInt64>, MemoryMap.Kind)] = [(0..<0x1_0000_0000, .usable)]
    for index in 1...255 { lines.append((UInt64(index) << 20..<(UInt64(index) << 20) + 0x1000, .reserved)) }
    let map = map(lines)
    #expect(map.entries.count == MemoryMap.capacity)
    #expect(map.droppedCount == 511 - 256)
  }

  @Test func randomMapsAgreeWithALookAtEveryAddress() {
    var generator = SeededGenerator(state: 11)
    for _ in 0..<300 {
      let lines = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        let start = UInt64.random(in: 0..<40, using: &generator)
        let end = UInt64.random(in: start...41, using: &generator)
        let kind = MemoryMap.Kind(rawValue: UInt8.random(in: 0..<5, using: &generator))!
        return (start * 0x1000..<end * 0x1000, kind)
      }
      let map = map(lines)
      let entries = map.entries.array
      for (entry, next) in zip(entries, entries.dropFirst()) {
        #expect(entry.range.upperBound <= next.range.lowerBound)
      }
      for page in UInt64(0)..<42 {
        let expected = lines.filter { $0.0.contains(page * 0x1000) }.map(\.1).max()
        let found = entries.first { $0.range.contains(HostPhysicalAddress(page * 0x1000)) }?.kind
        #expect(found == expected)
      }
    }
  }

  @Test func aPlaceKeepsClearOfObstaclesHolesAndPageZero() {
    let map = map([(0..<0x4000, .usable), (0x5000..<0x9000, .reserved), (0x10_0000..<0x20_0000, .usable)])
    func place(
      _ count: UInt64, alignment: UInt64 = 0x1000, below limit: UInt64 = .max,
      _ obstacles: [Range<UInt64>] = []
    ) -> UInt64? {
      let obstacles = obstacles.map(physical)
      let limit = HostPhysicalAddress(limit)
      return map.placeForBytes(count, alignment: alignment, below: limit, avoiding: obstacles.span)?.value
    }
    #expect(place(0x3000) == 0x1000)
    #expect(place(0x3001) == 0x10_0000)
    #expect(place(0x1000, [0x1800..<0x1801]) == 0x2000)
    #expect(place(0x1000, [0x3000..<0x4000, 0x2000..<0x3000, 0x1000..<0x2000]) == 0x10_0000)
    #expect(place(0x8000, alignment: 0x8000, [0x10_0000..<0x10_0001]) == 0x10_8000)
    #expect(place(0x10_0000) == 0x10_0000)
    #expect(place(0x10_0001) == nil)
    #expect(place(.max) == nil)
    #expect(place(0x4000, below: 0x10_0000) == nil)
    #expect(place(0x1000, alignment: 1 << 63) == nil)
    #expect(place(0x1000, [0..<UInt64.max]) == nil)
    #expect(place(0x1000, [0x1000..<UInt64.max]) == nil)
    #expect(place(0x8000, [0x10_0000..<UInt64.max]) == nil)
  }
}
