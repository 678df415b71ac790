/// A stretch of bytes that is contiguous both in a page and in the frame that carries it.
public struct PageRun: Equatable, Sendable {
  /// Where it starts in the page.
  public let pageOffset: Int
  /// Where it starts in the frame.
  public let frameOffset: Int
  public let byteCount: Int

  @inlinable
  public init(pageOffset: Int, frameOffset: Int, byteCount: Int) {
    self.pageOffset = pageOffset
    self.frameOffset = frameOffset
    self.byteCount = byteCount
  }
}
