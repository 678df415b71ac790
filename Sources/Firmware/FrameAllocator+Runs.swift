import Memory

// Contiguous runs are found by search, a word of 64 frames at a time and past full or whole blocks in one step. That
// takes time in proportion to memory: it is for boot, and for the few devices that want their memory in one piece.

extension FrameAllocator where Words: ~Copyable {
  /// `count` frames in a row, or nil where there is no such run.
  ///
  /// Higher regions are searched before lower ones, each from its start.
  ///
  /// - Parameters:
  ///   - alignment: what the address is a multiple of: a power of two, at least 4 KiB.
  ///   - limit: the run ends at or below this address.
  public mutating func allocateContiguous(
    count: Int, alignment: UInt64 = pageSize, below limit: HostPhysicalAddress = MemoryMap.addressLimit
  ) -> HostPhysicalAddress? {
    precondition(alignment >= pageSize && alignment.nonzeroBitCount == 1)
    guard count > 0 else { return nil }
    for index in (0..<regionCount).reversed() {
      let region = region(index)
      let frames = region.frames.clamped(to: 0..<limit.value / pageSize)
      if let first = firstRun(of: UInt64(count), alignment: alignment / pageSize, in: frames, of: region) {
        mark(first..<first + UInt64(count), in: region, free: false)
        return HostPhysicalAddress(first * pageSize)
      }
    }
    return nil
  }

  /// Frames of the longest free run; a search of all memory.
  public func largestFreeRun() -> Int {
    var largest: UInt64 = 0
    for index in 0..<regionCount {
      let region = region(index)
      var position = region.frames.lowerBound
      while let start = firstFrame(in: position..<region.frames.upperBound, of: region, free: true) {
        let rest = start..<region.frames.upperBound
        position = firstFrame(in: rest, of: region, free: false) ?? region.frames.upperBound
        largest = max(largest, position - start)
      }
    }
    return Int(largest)
  }

  private func firstRun(
    of count: UInt64, alignment: UInt64, in frames: Range<UInt64>, of region: FrameRegion
  ) -> UInt64? {
    var position = frames.lowerBound
    while let free = firstFrame(in: position..<frames.upperBound, of: region, free: true) {
      let start = (free + (alignment - 1)) & ~(alignment - 1)
      guard start < frames.upperBound, count <= frames.upperBound - start else { return nil }
      guard let obstacle = firstFrame(in: start..<start + count, of: region, free: false) else {
        return start
      }
      position = obstacle + 1
    }
    return nil
  }

  /// The first of `frames`, which lie in `region`, that is free, or that is not.
  func firstFrame(in frames: Range<UInt64>, of region: FrameRegion, free: Bool) -> UInt64? {
    var frame = frames.lowerBound
    while frame < frames.upperBound {
      let index = region.block(number: frame / FrameBlock.frameCount)
      if block(index).freeCount == (free ? 0 : Int(FrameBlock.frameCount)) {
        frame = (frame | (FrameBlock.frameCount - 1)) + 1
        continue
      }
      let word = words[bitmapWord(ofFrame: frame, in: index)]
      let bits = (free ? word : ~word) >> (frame & 63)
      if bits != 0 {
        let found = frame + UInt64(bits.trailingZeroBitCount)
        return found < frames.upperBound ? found : nil
      }
      frame = (frame | 63) + 1
    }
    return nil
  }
}
