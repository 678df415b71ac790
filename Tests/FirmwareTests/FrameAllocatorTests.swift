import Firmware
import Memory
import Testing

private struct ArrayWords: WordStorage {
  var array: [UInt64]

  var count: Int { array.count }

  subscript(index: Int) -> UInt64 {
    get { array[index] }
    set { array[index] = newValue }
  }
}

private func frames(_ range: Range<UInt64>) -> Range<HostPhysicalAddress> {
  physical(range.lowerBound * 4096..<range.upperBound * 4096)
}

private func frame(_ number: UInt64) -> HostPhysicalAddress { HostPhysicalAddress(number * 4096) }

private func map(_ ranges: [Range<UInt64>]) -> MemoryMap {
  let entries = ranges.map { MemoryMap.Entry(frames($0), .usable) }
  return MemoryMap(entries.span)
}

/// An allocator over the frames of `ranges`, on storage that holds garbage; a class, for `#expect` copies what it looks at.
private final class TestAllocator {
  private var allocator: FrameAllocator<ArrayWords>

  init(_ ranges: [Range<UInt64>]) {
    let map = map(ranges)
    let count = FrameAllocator<ArrayWords>.wordCount(for: map)
    let garbage = [UInt64](repeating: 0xDEAD_BEEF_DEAD_BEEF, count: count)
    allocator = FrameAllocator(map, words: ArrayWords(array: garbage))
  }

  var frameCount: Int { allocator.frameCount }
  var freeFrameCount: Int { allocator.freeFrameCount }
  var usedFrameCount: Int { allocator.usedFrameCount }
  var freeBlockCount: Int { allocator.freeBlockCount }

  func allocate4K() -> HostPhysicalAddress? { allocator.allocate4K() }
  func allocate2M() -> HostPhysicalAddress? { allocator.allocate2M() }
  func largestFreeRun() -> Int { allocator.largestFreeRun() }

  func allocateContiguous(
    count: Int, alignment: UInt64 = 4096, below limit: HostPhysicalAddress = MemoryMap.addressLimit
  ) -> HostPhysicalAddress? {
    allocator.allocateContiguous(count: count, alignment: alignment, below: limit)
  }

  func free(_ address: HostPhysicalAddress, count: Int = 1) throws(FrameError) {
    try allocator.free(address, count: count)
  }

  @discardableResult
  func reserve(_ range: Range<HostPhysicalAddress>) -> Int { allocator.reserve(range) }
}

@Suite struct FrameAllocatorTests {
  @Test func everyFrameIsHandedOutOnceAndFrameZeroNever() {
    let allocator = TestAllocator([0..<159, 256..<700, 1000..<3000])
    #expect(allocator.frameCount == 158 + 444 + 2000)
    #expect(allocator.freeFrameCount == allocator.frameCount)
    var seen: Set<UInt64> = []
    while let address = allocator.allocate4K() { #expect(seen.insert(address.value / 4096).inserted) }
    #expect(seen == Set([1..<159, 256..<700, 1000..<3000].joined()))
    #expect(allocator.freeFrameCount == 0)
    #expect(allocator.usedFrameCount == allocator.frameCount)
  }

  @Test func aMapWithoutUsableMemoryGivesNothing() {
    for ranges in [[], [0..<1]] as [[Range<UInt64>]] {
      let allocator = TestAllocator(ranges)
      #expect(allocator.frameCount == 0)
      #expect(allocator.allocate4K() == nil)
      #expect(allocator.allocate2M() == nil)
      #expect(allocator.allocateContiguous(count: 1) == nil)
      #expect(allocator.largestFreeRun() == 0)
    }
  }

  @Test func largeFramesAreAlignedAndWhole() {
    let allocator = TestAllocator([1..<512 * 2 + 511, 512 * 4 - 1..<512 * 6])
    #expect(allocator.freeBlockCount == 3)
    var blocks: Set<UInt64> = []
    while let address = allocator.allocate2M() { blocks.insert(address.value) }
    #expect(blocks == [1 << 21, 4 << 21, 5 << 21])
    #expect(allocator.freeBlockCount == 0)
    #expect(allocator.freeFrameCount == allocator.frameCount - 3 * 512)
  }

  @Test func smallFramesLeaveLargeOnesWhole() throws {
    let allocator = TestAllocator([512..<512 * 9, 512 * 10..<512 * 10 + 40])
    for _ in 0..<40 { _ = try #require(allocator.allocate4K()) }
    #expect(allocator.freeBlockCount == 8)
    var taken: [HostPhysicalAddress] = []
    for _ in 0..<513 { taken.append(try #require(allocator.allocate4K())) }
    #expect(allocator.freeBlockCount == 6)
    for address in taken { try allocator.free(address) }
    #expect(allocator.freeBlockCount == 8)
  }

  @Test func lowMemoryIsHandedOutLast() throws {
    let allocator = TestAllocator([0..<160, 256..<512 * 3, 512 * 3000..<512 * 3001])
    #expect(try #require(allocator.allocate2M()).value == 3000 << 21)
    for _ in 0..<1024 { #expect(try #require(allocator.allocate4K()).value >= 2 << 20) }
    for _ in 0..<256 + 159 { #expect(try #require(allocator.allocate4K()).value < 2 << 20) }
    #expect(allocator.allocate4K() == nil)
  }

  @Test func aLargeFrameMayComeBackInPieces() throws {
    let allocator = TestAllocator([512..<1024])
    let block = try #require(allocator.allocate2M())
    try allocator.free(block, count: 100)
    for index in UInt64(100)..<512 { try allocator.free(block + index * 4096) }
    #expect(allocator.freeBlockCount == 1)
  }

  @Test func aFrameThatIsFreeAlreadyIsNotTakenBack() throws {
    let allocator = TestAllocator([512..<2048])
    #expect(throws: FrameError.alreadyFree(frame(600))) { try allocator.free(frame(600)) }
    let run = try #require(allocator.allocateContiguous(count: 8))
    try allocator.free(run + 3 * 4096)
    #expect(throws: FrameError.alreadyFree(run + 3 * 4096)) { try allocator.free(run, count: 8) }
    #expect(allocator.usedFrameCount == 7)
    try allocator.free(run, count: 3)
    try allocator.free(run + 4 * 4096, count: 4)
    #expect(throws: FrameError.alreadyFree(run)) { try allocator.free(run) }
    #expect(allocator.usedFrameCount == 0)
  }

  @Test func framesThatAreNotItsOwnAreNotTakenBack() throws {
    let allocator = TestAllocator([0..<159, 256..<600, 1024..<1536])
    allocator.reserve(frames(0..<2000))
    for number: UInt64 in [0, 159, 255, 600, 1023, 1536, 1 << 40, .max >> 12] {
      #expect(throws: FrameError.notManaged(frame(number))) { try allocator.free(frame(number)) }
    }
    #expect(throws: FrameError.notManaged(frame(159))) { try allocator.free(frame(100), count: 60) }
    #expect(throws: FrameError.notManaged(frame(1536))) { try allocator.free(frame(1024), count: .max) }
    #expect(throws: FrameError.misaligned(HostPhysicalAddress(4097))) {
      try allocator.free(HostPhysicalAddress(4097))
    }
    #expect(allocator.freeFrameCount == 0)
  }

  @Test func reservedFramesAreNotHandedOutUntilTheyAreFreed() throws {
    let allocator = TestAllocator([256..<1024])
    #expect(allocator.reserve(physical(300 * 4096 + 4095..<302 * 4096 + 1)) == 3)
    #expect(allocator.reserve(frames(301..<304)) == 1)
    #expect(allocator.reserve(physical(0..<UInt64.max)) == 768 - 4)
    #expect(allocator.reserve(physical(300 * 4096..<300 * 4096)) == 0)
    #expect(allocator.allocate4K() == nil)
    try allocator.free(frame(302))
    #expect(allocator.allocate4K() == frame(302))
  }

  @Test func runsKeepToTheirLimitAndAlignment() throws {
    let allocator = TestAllocator([0..<159, 256..<512 * 4, 512 * 2048..<512 * 2050])
    #expect(allocator.allocateContiguous(count: 1, below: HostPhysicalAddress(1 << 20)) == frame(1))
    #expect(
      allocator.allocateContiguous(count: 4, alignment: 0x4000, below: HostPhysicalAddress(1 << 20))
        == frame(4))
    #expect(allocator.allocateContiguous(count: 152, below: HostPhysicalAddress(1 << 20)) == nil)
    #expect(allocator.allocateContiguous(count: 151, below: HostPhysicalAddress(1 << 20)) == frame(8))
    #expect(allocator.allocateContiguous(count: 600, below: HostPhysicalAddress(1 << 32)) == frame(256))
    #expect(allocator.allocateContiguous(count: 2, alignment: 1 << 22) == frame(512 * 2048))
    #expect(allocator.allocateContiguous(count: 1193) == nil)
    #expect(allocator.allocateContiguous(count: 1022) == frame(512 * 2048 + 2))
    #expect(allocator.allocateContiguous(count: 1192) == frame(856))
    #expect(allocator.allocateContiguous(count: 1, alignment: 1 << 63) == nil)
    #expect(allocator.allocateContiguous(count: .max) == nil)
    #expect(allocator.allocateContiguous(count: 0) == nil)
    #expect(allocator.allocateContiguous(count: 1, below: HostPhysicalAddress(0xFFF)) == nil)
  }

  @Test func aMapOf256RangesIsManaged() throws {
    let allocator = TestAllocator((0..<256).map { UInt64($0) * 300 + 1..<UInt64($0) * 300 + 200 })
    #expect(allocator.frameCount == 256 * 199)
    for index in UInt64(0)..<256 {
      #expect(allocator.reserve(frames(index * 300 + 100..<index * 300 + 101)) == 1)
      try allocator.free(frame(index * 300 + 100))
      #expect(throws: FrameError.notManaged(frame(index * 300))) { try allocator.free(frame(index * 300)) }
    }
    #expect(allocator.largestFreeRun() == 199)
  }

  @Test func storageIs80BytesForEachBlockThatHoldsMemory() {
    #expect(FrameAllocator<ArrayWords>.wordCount(for: map([512..<512 * 1001])) == 3 + 1000 * 10)
    #expect(
      FrameAllocator<ArrayWords>.wordCount(for: map([512..<1024, 1 << 39..<1 << 39 + 1])) == 2 * 3 + 2 * 10)
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>) func randomSequencesAgreeWithASet(seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    let ranges: [Range<UInt64>] = [0..<159, 256..<1700, 1720..<1721, 2048..<4100, 1 << 30..<1 << 30 + 1100]
    let managed = Set(ranges.joined()).subtracting([0])
    var free = managed
    var held: [Range<UInt64>] = []
    let allocator = TestAllocator(ranges)

    func hold(_ address: HostPhysicalAddress, _ count: UInt64) {
      let run = address.value / 4096..<address.value / 4096 + count
      #expect(address.value % 4096 == 0 && free.isSuperset(of: run))
      free.subtract(run)
      held.append(run)
    }
    func isFree(_ run: Range<UInt64>) -> Bool { run.allSatisfy(free.contains) }

    for step in 0..<2500 {
      // Alternately more is taken than comes back, and less.
      let isGrowing = step / 400 % 2 == 0
      switch Int.random(in: 0..<100, using: &generator) {
      case 0..<(isGrowing ? 40 : 15):
        for _ in 0..<Int.random(in: 1...30, using: &generator) {
          guard let address = allocator.allocate4K() else {
            #expect(free.isEmpty)
            break
          }
          hold(address, 1)
        }
      case 40..<43:
        if let address = allocator.allocate2M() {
          #expect(address.value % (2 << 20) == 0)
          hold(address, 512)
        } else {
          #expect(!managed.contains { $0 >= 512 && $0 % 512 == 0 && isFree($0..<$0 + 512) })
        }
      case 43..<48:
        let count = UInt64.random(in: 1...200, using: &generator)
        let alignment = UInt64(1) << UInt64.random(in: 0...8, using: &generator)
        let limit = UInt64.random(in: 0...5000, using: &generator)
        let found = allocator.allocateContiguous(
          count: Int(count), alignment: alignment * 4096, below: frame(limit))
        if let found {
          #expect(found.value / 4096 % alignment == 0 && found.value / 4096 + count <= limit)
          hold(found, count)
        } else {
          let starts = stride(from: 0, to: limit, by: Int(alignment)).filter { $0 + count <= limit }
          #expect(!starts.contains { isFree($0..<$0 + count) })
        }
      case 48..<50:
        let start = UInt64.random(in: 0..<4200, using: &generator)
        let run = start..<start + UInt64.random(in: 1...20, using: &generator)
        let taken = run.filter(free.contains)
        #expect(allocator.reserve(frames(run)) == taken.count)
        free.subtract(taken)
        held += taken.map { $0..<$0 + 1 }
      case 50..<55:
        let start = UInt64.random(in: 0..<4200, using: &generator)
        let run = start..<start + UInt64.random(in: 1...600, using: &generator)
        let isAllHeld = run.allSatisfy { managed.contains($0) && !free.contains($0) }
        if !isAllHeld {
          #expect(throws: FrameError.self) { try allocator.free(frame(start), count: run.count) }
        }
      default:
        for _ in 0..<Int.random(in: 1...(isGrowing ? 10 : 40), using: &generator) {
          guard let run = held.indices.randomElement(using: &generator).map({ held.remove(at: $0) }) else {
            break
          }
          try allocator.free(frame(run.lowerBound), count: run.count)
          free.formUnion(run)
        }
      }
      #expect(allocator.freeFrameCount == free.count)
    }
    var (largest, run) = (0, 0)
    for number in [0..<5000, 1 << 30..<1 << 30 + 1101].joined() {
      run = free.contains(UInt64(number)) ? run + 1 : 0
      largest = max(largest, run)
    }
    #expect(allocator.largestFreeRun() == largest)
    for run in held { try allocator.free(frame(run.lowerBound), count: run.count) }
    #expect(allocator.freeFrameCount == managed.count)
    #expect(allocator.freeBlockCount == 2 + 4 + 2)
  }
}
