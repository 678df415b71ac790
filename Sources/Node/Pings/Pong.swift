import Wire

/// The answer to a ping of this node's has come.
public struct Pong: Equatable, Sendable {
  public var sender: NodeID
  public var number: UInt32
  /// When the ping was sent.
  public var sentAt: Instant
  public var receivedAt: Instant
  /// Lines of a page that it has brought.
  public var lineCount: Int
  /// Whether it has brought back the lines of the page that the ping had, as far as was looked: one line of them.
  public var isIntact: Bool
}
