/// Asks for a reading of the receiver's cluster clock.
public struct ClockRequest: WireMessage, Equatable {
  /// When it was sent, by the sender's own clock. The reply repeats it, which is how the two are matched.
  public var sentAt: Instant

  public init(sentAt: Instant) { self.sentAt = sentAt }

  public var kind: MessageKind { .clockRequest }
  public var byteCount: Int { Self.size }
  private static let size = 8

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    try Self.check(kind, is: .clockRequest, body, count: Self.size)
    sentAt = Instant(nanoseconds: body.uint64(at: 0))
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(sentAt.nanoseconds, at: offset)
  }
}
