/// What the record of a block of 2 MiB says beside its bitmap.
struct FrameBlock {
  /// Frames in a block.
  static let frameCount: UInt64 = 512

  /// Words at the start of a record that hold a bit for each frame, set while it is free.
  static let bitmapWordCount = 8

  /// Words of a record: the bitmap, the links, and number and count.
  static let wordCount = bitmapWordCount + 2

  enum List {
    case whole
    case partlyFree
  }

  /// Address / 2 MiB.
  let number: UInt64

  /// Frames of the block that are free: 0 to 512.
  var freeCount: Int

  init(number: UInt64, freeCount: Int) {
    self.number = number
    self.freeCount = freeCount
  }

  init(word: UInt64) {
    number = word >> 10
    freeCount = Int(word & 0x3FF)
  }

  var firstFrame: UInt64 { number * Self.frameCount }

  var word: UInt64 { number << 10 | UInt64(freeCount) }

  /// The list that the block stands in.
  var list: List? {
    guard freeCount > 0, number != 0 else { return nil }
    return freeCount == Int(Self.frameCount) ? .whole : .partlyFree
  }
}
