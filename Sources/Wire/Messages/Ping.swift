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

  @inline(__always)
  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    guard kind == .ping || kind == .pong else { throw .kind }
    guard body.count >= Self.minimumByteCount, body.count <= FrameLayout.maximumLinkBodyCount,
      body.uint32(at: 4) == 0
    else { throw .body }
    guard Self.hasFilling(body) else { throw .body }
    self.kind = kind
    number = body.uint32(at: 0)
    sentAt = Instant(nanoseconds: body.uint64(at: 8))
    byteCount = body.count
  }

  @inline(__always)
  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(number, at: offset)
    bytes.put(UInt32(0), at: offset + 4)
    bytes.put(sentAt.nanoseconds, at: offset + 8)
    var index = Self.minimumByteCount
    while index <= byteCount &- 8 {
      bytes.put(Self.filling(at: index), at: offset &+ index)
      index &+= 8
    }
    while index < byteCount {
      bytes[offset &+ index] = UInt8(index)
      index &+= 1
    }
  }

  @inline(__always)
  private static func hasFilling(_ body: Span<UInt8>) -> Bool {
    var index = minimumByteCount
    while index <= body.count &- 8 {
      guard body.uint64(at: index) == filling(at: index) else { return false }
      index &+= 8
    }
    while index < body.count {
      guard body[index] == UInt8(index) else { return false }
      index &+= 1
    }
    return true
  }

  /// Eight bytes of the filling, each its offset: as all are below 128, none carries into the next.
  private static func filling(at index: Int) -> UInt64 {
    0x0706_0504_0302_0100 &+ UInt64(truncatingIfNeeded: index) &* 0x0101_0101_0101_0101
  }
}
