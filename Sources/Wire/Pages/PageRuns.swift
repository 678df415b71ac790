/// Where each line of a fragment belongs, as the fewest stretches: one for a part of a full page.
public struct PageRuns: Sequence, IteratorProtocol, Sendable {
  @usableFromInline var rest: UInt64
  @usableFromInline var frameOffset: Int

  /// - Parameter frameOffset: where the first of `lines` stands in the frame; the others follow it.
  @inlinable
  public init(_ lines: PageLines, frameOffset: Int) {
    rest = lines.rawValue
    self.frameOffset = frameOffset
  }

  @inlinable
  public mutating func next() -> PageRun? {
    guard rest != 0 else { return nil }
    let first = rest.trailingZeroBitCount
    let count = (~(rest >> UInt64(first))).trailingZeroBitCount
    let run = PageRun(
      pageOffset: first * PageLines.lineSize, frameOffset: frameOffset, byteCount: count * PageLines.lineSize)
    rest = first + count == 64 ? 0 : rest & (UInt64.max << UInt64(first + count))
    frameOffset += run.byteCount
    return run
  }
}
