/// Asks for a `pong` with the same contents, page included, or is one.
public struct Ping: WireMessage, Equatable {
  public var kind: MessageKind
  public var number: UInt32
  /// When the ping was sent, by its sender's own clock.
  public var sentAt: Instant
  /// Bytes of the body: at least `minimumByteCount`, at most `FrameLayout.maximumLinkBodyCount`.
  public let byteCount: Int

  public static var minimumByteCount: Int { 16 }

  /// A ping whose body has `byteCount` bytes, or as near to it as can be.
  public init(number: UInt32, sentAt: Instant, byteCount: Int = Self.minimumByteCount) {
    kind = .ping
    self.number = number
    self.sentAt = sentAt
    self.byteCount = min(max(byteCount, Self.minimumByteCount), FrameLayout.maximumLinkBodyCount)
  }

  /// The answer to it.
  public var pong: Ping {
    var pong = self
    pong.kind = .pong
    return pong
  }

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    guard kind == .ping || kind == .pong else { throw .kind }
    guard body.count >= Self.minimumByteCount, body.count <= FrameLayout.maximumLinkBodyCount,
      body.uint32(at: 4) == 0
    else { throw .body }
    for index in Self.minimumByteCount..<body.count where body[index] != UInt8(index) { throw .body }
    self.kind = kind
    number = body.uint32(at: 0)
    sentAt = Instant(nanoseconds: body.uint64(at: 8))
    byteCount = body.count
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(number, at: offset)
    bytes.put(UInt32(0), at: offset + 4)
    bytes.put(sentAt.nanoseconds, at: offset + 8)
    for index in Self.minimumByteCount..<byteCount { bytes[offset + index] = UInt8(index) }
  }
}
