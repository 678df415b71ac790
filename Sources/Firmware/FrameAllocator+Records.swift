import Memory

// How the words of storage are read and written: regions in front, then a record for each block. A record's
// ninth word holds the places of its neighbours in the list, previous in the low half and next in the high
// half, with all ones for none; what it holds while the block is in no list does not matter.

extension FrameAllocator where Words: ~Copyable {
  private static var noBlock: UInt64 { 0xFFFF_FFFF }

  @inline(__always)
  func region(_ index: Int) -> FrameRegion {
    let word = FrameRegion.wordCount * index
    return FrameRegion(frames: words[word]..<words[word + 1], firstBlock: Int(words[word + 2]))
  }

  /// The region that holds `frame`, by binary search.
  func region(containing frame: UInt64) -> FrameRegion? {
    var (low, high) = (0, regionCount)
    while low < high {
      let middle = (low + high) / 2
      let region = region(middle)
      if region.frames.contains(frame) { return region }
      if frame < region.frames.lowerBound { high = middle } else { low = middle + 1 }
    }
    return nil
  }

  /// Place of the first word of a block's record.
  @inline(__always)
  func record(_ block: Int) -> Int { FrameRegion.wordCount * regionCount + FrameBlock.wordCount * block }

  /// Place of the word that holds the bit of `frame`, which lies in `block`.
  @inline(__always)
  func bitmapWord(ofFrame frame: UInt64, in block: Int) -> Int {
    record(block) + Int(frame % FrameBlock.frameCount / 64)
  }

  @inline(__always)
  func block(_ block: Int) -> FrameBlock { FrameBlock(word: words[record(block) + FrameBlock.wordCount - 1]) }

  /// The block at address 0, where it has a free frame: it stands in no list.
  var lastResort: Int? {
    guard regionCount > 0 else { return nil }
    let first = block(0)
    return first.number == 0 && first.freeCount > 0 ? 0 : nil
  }

  /// Writes the record of a block none of whose frames is free.
  mutating func resetBlock(_ block: Int, number: UInt64) {
    for word in 0..<FrameBlock.bitmapWordCount { words[record(block) + word] = 0 }
    words[record(block) + FrameBlock.wordCount - 1] = FrameBlock(number: number, freeCount: 0).word
  }

  /// Counts the frames of a block that became free, or that no longer are, and moves it to its list.
  mutating func changeFreeCount(of index: Int, by change: Int) {
    var block = block(index)
    let before = block.list
    block.freeCount += change
    words[record(index) + FrameBlock.wordCount - 1] = block.word
    freeFrameCount += change
    guard block.list != before else { return }
    if let before { unlink(index, from: before) }
    if let list = block.list { link(index, into: list) }
  }

  private mutating func link(_ index: Int, into list: FrameBlock.List) {
    let next = list == .whole ? firstWhole : firstPartlyFree
    setLinks(index, previous: nil, next: next)
    if let next { setLinks(next, previous: index, next: links(next).next) }
    setFirst(index, of: list)
    if list == .whole { freeBlockCount += 1 }
  }

  private mutating func unlink(_ index: Int, from list: FrameBlock.List) {
    let (previous, next) = links(index)
    if let next { setLinks(next, previous: previous, next: links(next).next) }
    if let previous {
      setLinks(previous, previous: links(previous).previous, next: next)
    } else {
      setFirst(next, of: list)
    }
    if list == .whole { freeBlockCount -= 1 }
  }

  private mutating func setFirst(_ index: Int?, of list: FrameBlock.List) {
    switch list {
    case .whole: firstWhole = index
    case .partlyFree: firstPartlyFree = index
    }
  }

  private func links(_ index: Int) -> (previous: Int?, next: Int?) {
    let word = words[record(index) + FrameBlock.bitmapWordCount]
    let (previous, next) = (word & Self.noBlock, word >> 32)
    return (previous == Self.noBlock ? nil : Int(previous), next == Self.noBlock ? nil : Int(next))
  }

  private mutating func setLinks(_ index: Int, previous: Int?, next: Int?) {
    let (previous, next) = (previous.map(UInt64.init) ?? Self.noBlock, next.map(UInt64.init) ?? Self.noBlock)
    words[record(index) + FrameBlock.bitmapWordCount] = next << 32 | previous
  }
}
