import Memory

// Physical memory is dealt with in blocks of 2 MiB, aligned to 2 MiB. Each block that holds usable memory has a
// record of ten words in storage that the caller provides (80 bytes for 2 MiB: 40 MiB for 1 TiB): a bit for
// each of its 512 frames, set while the frame is free; how many are; and links. A block stands in one of two
// lists by its count of free frames: the whole ones (512) or the partly free ones (1 to 511); a full one
// stands in neither. So every operation on one frame or one block takes a bounded number of steps, however
// much memory there is:
//
//   - 4 KiB come from the first partly free block, and only where there is none from a whole one, which keeps
//     2 MiB blocks whole for as long as possible; 2 MiB come from the first whole block.
//   - A block that changes its list becomes the first of the new one, so that holes fill before others open.
//   - Lists start with the highest block, and the block at address 0 stands in neither list: 4 KiB come from it
//     last of all. Memory below 1 MiB (for real mode) and below 4 GiB (for simple devices) lasts longest.
//
// Records are dense: blocks without usable memory have none. A short table of regions in front of them, sorted,
// leads from a frame to its record and tells the allocator's frames from all others, which is how a frame that
// was never its own is caught when it is freed; the frame's bit catches one that is free already.
//
// Nothing here locks: the owner sees to it that one core at a time calls.

/// The frames of physical memory: 4 KiB each, handed out alone, as aligned 2 MiB, or as contiguous runs.
public struct FrameAllocator<Words: WordStorage & ~Copyable>: ~Copyable {
  var words: Words
  let regionCount: Int

  /// Frames that the allocator manages, free or not.
  public let frameCount: Int

  public internal(set) var freeFrameCount = 0

  /// Free blocks of 2 MiB that `allocate2M` can give.
  public internal(set) var freeBlockCount = 0

  /// First blocks of the two lists.
  var firstWhole: Int?
  var firstPartlyFree: Int?

  public var usedFrameCount: Int { frameCount - freeFrameCount }

  /// The end of the highest frame.
  public var limit: HostPhysicalAddress {
    HostPhysicalAddress(regionCount == 0 ? 0 : region(regionCount - 1).frames.upperBound * pageSize)
  }

  /// Words of storage that the allocator needs for the usable memory of `map`.
  public static func wordCount(for map: MemoryMap) -> Int {
    var layout = FrameLayout()
    for index in map.entries.indices { _ = layout.add(map.entries[index]) }
    return layout.wordCount
  }

  /// Manages the usable memory of `map`, all of it free, but for the frame at address 0, which it never touches.
  ///
  /// - Parameter words: at least `wordCount(for: map)` of them; what they hold does not matter. Where they stand in
  ///   usable memory themselves, the caller reserves that range next.
  public init(_ map: MemoryMap, words: consuming Words) {
    precondition(words.count >= Self.wordCount(for: map))
    var layout = FrameLayout()
    for index in map.entries.indices {
      if let region = layout.add(map.entries[index]) { region.store(in: &words, at: layout.regionCount - 1) }
    }
    self.words = words
    regionCount = layout.regionCount
    frameCount = layout.frameCount
    for index in 0..<regionCount {
      let region = region(index)
      for number in region.blockNumbers { resetBlock(region.block(number: number), number: number) }
    }
    for index in 0..<regionCount {
      let region = region(index)
      mark(region.frames, in: region, free: true)
    }
  }

  /// A frame of 4 KiB, or nil where none is free.
  public mutating func allocate4K() -> HostPhysicalAddress? {
    guard let index = firstPartlyFree ?? firstWhole ?? lastResort else { return nil }
    for word in 0..<FrameBlock.bitmapWordCount {
      let bits = words[record(index) + word]
      guard bits != 0 else { continue }
      words[record(index) + word] = bits & (bits - 1)
      changeFreeCount(of: index, by: -1)
      let frame = block(index).firstFrame + UInt64(64 * word + bits.trailingZeroBitCount)
      return HostPhysicalAddress(frame * pageSize)
    }
    preconditionFailure("a listed block has no free frame")
  }

  /// An aligned block of 2 MiB, or nil where none is whole. Its frames may be freed together or one by one.
  public mutating func allocate2M() -> HostPhysicalAddress? {
    guard let index = firstWhole else { return nil }
    for word in 0..<FrameBlock.bitmapWordCount { words[record(index) + word] = 0 }
    changeFreeCount(of: index, by: -Int(FrameBlock.frameCount))
    return HostPhysicalAddress(block(index).firstFrame * pageSize)
  }

  /// Takes back `count` frames from `address` on, however they were handed out.
  ///
  /// Every one of them must be in use; otherwise nothing changes.
  public mutating func free(_ address: HostPhysicalAddress, count: Int = 1) throws(FrameError) {
    guard address.value % pageSize == 0 else { throw .misaligned(address) }
    let first = address.value / pageSize
    guard count > 0 else { return }
    guard let region = region(containing: first) else { throw .notManaged(address) }
    guard UInt64(count) <= region.frames.upperBound - first else {
      throw .notManaged(HostPhysicalAddress(region.frames.upperBound * pageSize))
    }
    let frames = first..<first + UInt64(count)
    if let frame = firstFrame(in: frames, of: region, free: true) {
      throw .alreadyFree(HostPhysicalAddress(frame * pageSize))
    }
    mark(frames, in: region, free: true)
  }

  /// Takes the frames that `range` touches out of those that can be handed out; others are left as they are.
  ///
  /// Who reserved frames may free them later, like any that were handed out.
  ///
  /// - Returns: how many frames were free and no longer are.
  @discardableResult
  public mutating func reserve(_ range: Range<HostPhysicalAddress>) -> Int {
    guard !range.isEmpty else { return 0 }
    let before = freeFrameCount
    let touched = range.lowerBound.value / pageSize..<(range.upperBound.value - 1) / pageSize + 1
    for index in 0..<regionCount {
      let region = region(index)
      mark(region.frames.clamped(to: touched), in: region, free: false)
    }
    return before - freeFrameCount
  }

  /// Sets or clears the bits of `frames`, which lie in `region`, and keeps counts and lists.
  mutating func mark(_ frames: Range<UInt64>, in region: FrameRegion, free: Bool) {
    var frame = frames.lowerBound
    while frame < frames.upperBound {
      let index = region.block(number: frame / FrameBlock.frameCount)
      let blockEnd = min((frame | (FrameBlock.frameCount - 1)) + 1, frames.upperBound)
      var changed = 0
      while frame < blockEnd {
        let end = min((frame | 63) + 1, blockEnd)
        let mask = (UInt64.max >> (64 - (end - frame))) << (frame & 63)
        let word = bitmapWord(ofFrame: frame, in: index)
        let old = words[word]
        words[word] = free ? old | mask : old & ~mask
        changed += (old ^ words[word]).nonzeroBitCount
        frame = end
      }
      changeFreeCount(of: index, by: free ? changed : -changed)
    }
  }
}
