/// The answer to a `ClockRequest`.
public struct ClockReply: WireMessage, Equatable {
  /// The request's `sentAt`.
  public var requestSentAt: Instant
  /// When the request came, in nanoseconds of the replier's cluster clock.
  public var receivedAt: UInt64
  /// When the reply was sent, in nanoseconds of the replier's cluster clock.
  public var sentAt: UInt64
  /// How far the replier's cluster clock may be off, in nanoseconds; 0 on the node that all others follow, the greatest
  /// number on one that has no time yet.
  public var uncertainty: UInt32

  public init(requestSentAt: Instant, receivedAt: UInt64, sentAt: UInt64, uncertainty: UInt32) {
    self.requestSentAt = requestSentAt
    self.receivedAt = receivedAt
    self.sentAt = sentAt
    self.uncertainty = uncertainty
  }

  public var kind: MessageKind { .clockReply }
  public var byteCount: Int { Self.size }
  private static let size = 32

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    try Self.check(kind, is: .clockReply, body, count: Self.size)
    guard body.uint32(at: 28) == 0 else { throw .body }
    requestSentAt = Instant(nanoseconds: body.uint64(at: 0))
    receivedAt = body.uint64(at: 8)
    sentAt = body.uint64(at: 16)
    uncertainty = body.uint32(at: 24)
    guard sentAt >= receivedAt else { throw .body }
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(requestSentAt.nanoseconds, at: offset)
    bytes.put(receivedAt, at: offset + 8)
    bytes.put(sentAt, at: offset + 16)
    bytes.put(uncertainty, at: offset + 24)
    bytes.put(UInt32(0), at: offset + 28)
  }
}
