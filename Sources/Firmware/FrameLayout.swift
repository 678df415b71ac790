import Memory

/// Counts the regions and blocks of a memory map, whose entries come in rising order.
struct FrameLayout {
  private(set) var regionCount = 0
  private(set) var blockCount = 0
  private(set) var frameCount = 0
  private var lastBlockNumber: UInt64?

  var wordCount: Int { FrameRegion.wordCount * regionCount + FrameBlock.wordCount * blockCount }

  /// The region that `entry` makes; nil where it holds no frame to manage.
  mutating func add(_ entry: MemoryMap.Entry) -> FrameRegion? {
    let frames =
      max(entry.range.lowerBound.value / pageSize, 1)..<max(entry.range.upperBound.value / pageSize, 1)
    guard entry.kind == .usable, !frames.isEmpty else { return nil }
    let first = frames.lowerBound / FrameBlock.frameCount
    let last = (frames.upperBound - 1) / FrameBlock.frameCount
    let sharesBlock = lastBlockNumber == first
    let region = FrameRegion(frames: frames, firstBlock: sharesBlock ? blockCount - 1 : blockCount)
    blockCount = region.firstBlock + Int(last - first) + 1
    regionCount += 1
    frameCount += frames.count
    lastBlockNumber = last
    return region
  }
}
