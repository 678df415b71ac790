/// Asks a node to take a page that the sender has no room for, and its home neither. It may do so or not: nothing
/// follows from it but the receiver's own request for the page.
public struct Adoption: WireMessage, Equatable {
  /// The page's number: the guest-physical address divided by 4096.
  public var page: UInt64

  public init(page: UInt64) { self.page = page }

  public var kind: MessageKind { .adoption }
  public var byteCount: Int { Self.size }
  private static let size = 8

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    try Self.check(kind, is: .adoption, body, count: Self.size)
    page = body.uint64(at: 0)
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) { bytes.put(page, at: offset) }
}
