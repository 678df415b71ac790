/// The sender has no link to the receiver, or no more.
public struct Reset: WireMessage, Equatable {
  public enum Reason: UInt16, Sendable {
    /// The sender of the frame in question is unknown.
    case unknown = 1
    /// The sender of this message has closed the link.
    case closed = 2
    /// The link has broken: the receiver sent what no correct peer sends.
    case broken = 3
  }

  public var reason: Reason

  public init(_ reason: Reason) { self.reason = reason }

  public var kind: MessageKind { .reset }
  public var byteCount: Int { Self.size }
  private static let size = 4

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    try Self.check(kind, is: .reset, body, count: Self.size)
    guard let reason = Reason(rawValue: body.uint16(at: 0)), body.uint16(at: 2) == 0
    else { throw .body }
    self.reason = reason
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(UInt32(reason.rawValue), at: offset)
  }
}
