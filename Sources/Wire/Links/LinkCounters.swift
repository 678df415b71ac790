/// What has gone over one link. A frame is a fragment of a message or all of it.
public struct LinkCounters: Equatable, Sendable {
  /// Messages that were taken, in full.
  public var messagesSent: UInt64 = 0
  /// Messages that were handed on, in full.
  public var messagesReceived: UInt64 = 0
  /// Frames with a message, without those that were sent again.
  public var framesSent: UInt64 = 0
  /// Frames with a message that were handed on.
  public var framesReceived: UInt64 = 0
  /// Frames that were sent again.
  public var retransmissions: UInt64 = 0
  /// Of these frames, without FCS.
  public var retransmittedBytes: UInt64 = 0
  /// Times that the retransmission timeout passed.
  public var timeouts: UInt64 = 0
  /// Times that the peer reported a gap and was sent again what it lacks.
  public var gapsHeard: UInt64 = 0
  /// Frames that came for a second time.
  public var duplicates: UInt64 = 0
  /// Frames that came before one that precedes them, and were dropped.
  public var early: UInt64 = 0
  /// Frames that had nothing but an acknowledgement.
  public var acknowledgementsSent: UInt64 = 0
  public var acknowledgementsReceived: UInt64 = 0
}
