/// Messages of one type, and their bytes.
public struct Traffic: Hashable, Sendable {
  public private(set) var messages: UInt64 = 0
  /// Of their frames in full but for the FCS, each counted once, however often it was sent.
  public private(set) var bytes: UInt64 = 0

  @inlinable
  public init() {}

  @inline(__always)
  mutating func count(bytes: Int, completes isComplete: Bool) {
    messages &+= isComplete ? 1 : 0
    self.bytes &+= UInt64(bytes)
  }
}

/// What a node has sent and received, by type of message. Types are counted from 0.
///
/// A message on a link counts as sent when it is taken, and as received when it is handed on: the receiver never has
/// counted more of a type than the sender, and as many when nothing is under way.
public struct TrafficCounters<let typeCount: Int>: Sendable {
  public private(set) var sent = InlineArray<typeCount, Traffic>(repeating: Traffic())
  public private(set) var received = InlineArray<typeCount, Traffic>(repeating: Traffic())

  public init() {}

  @inline(__always)
  public mutating func countSent(_ type: Int, bytes: Int) { sent[type].count(bytes: bytes, completes: true) }

  /// - Parameter isComplete: false where more of the same message is to come.
  @inline(__always)
  public mutating func countReceived(_ type: Int, bytes: Int, completes isComplete: Bool = true) {
    received[type].count(bytes: bytes, completes: isComplete)
  }
}
