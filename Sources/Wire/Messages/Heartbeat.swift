/// A node lives, and says whom else it has heard lately.
public struct Heartbeat: WireMessage, Equatable {
  /// Counts the sender's heartbeats, and wraps.
  public var number: UInt32
  /// The members that the sender has heard lately.
  public var heard: NodeSet
  /// The digest of the map that the sender holds.
  public var digest: UInt64

  public init(number: UInt32, heard: NodeSet, digest: UInt64) {
    self.number = number
    self.heard = heard
    self.digest = digest
  }

  public var kind: MessageKind { .heartbeat }
  public var byteCount: Int { Self.size }
  private static let size = 48

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    try Self.check(kind, is: .heartbeat, body, count: Self.size)
    guard body.uint32(at: 4) == 0 else { throw .body }
    number = body.uint32(at: 0)
    digest = body.uint64(at: 8)
    heard = body.nodeSet(at: 16)
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(number, at: offset)
    bytes.put(UInt32(0), at: offset + 4)
    bytes.put(digest, at: offset + 8)
    bytes.put(heard, at: offset + 16)
  }
}
