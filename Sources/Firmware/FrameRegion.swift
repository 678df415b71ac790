/// A run of frames that an allocator manages, and where the records of its blocks start.
struct FrameRegion {
  /// Words that a region takes in storage.
  static let wordCount = 3

  /// Never empty.
  let frames: Range<UInt64>

  /// Place, among all records, of that of the block that holds the first frame.
  let firstBlock: Int

  /// Numbers of the blocks that hold the frames: address / 2 MiB.
  var blockNumbers: ClosedRange<UInt64> {
    frames.lowerBound / FrameBlock.frameCount...(frames.upperBound - 1) / FrameBlock.frameCount
  }

  /// The place of the record of block `number`, which is one of `blockNumbers`.
  @inline(__always)
  func block(number: UInt64) -> Int { firstBlock + Int(number - frames.lowerBound / FrameBlock.frameCount) }

  func store<Words: WordStorage & ~Copyable>(in words: inout Words, at index: Int) {
    words[Self.wordCount * index] = frames.lowerBound
    words[Self.wordCount * index + 1] = frames.upperBound
    words[Self.wordCount * index + 2] = UInt64(firstBlock)
  }
}
