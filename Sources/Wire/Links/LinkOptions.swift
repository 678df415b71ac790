/// The sizes and times of links. Times are in nanoseconds.
public struct LinkOptions: Sendable {
  /// Frames to one peer that may be unacknowledged at a time.
  public var window = 32

  /// Messages to one peer that may be unacknowledged or still unsent at a time; a power of two.
  public var messageCount = 64

  /// How long an acknowledgement waits for a frame that takes it along.
  public var acknowledgementDelay: UInt64 = 200_000

  /// Received frames after which an acknowledgement waits no longer; below `window`.
  public var acknowledgementCount = 8

  /// The retransmission timeout before the round-trip time is known, and its bounds. The least one is well above
  /// `acknowledgementDelay`.
  public var initialTimeout: UInt64 = 20_000_000
  public var minimumTimeout: UInt64 = 1_000_000
  public var maximumTimeout: UInt64 = 200_000_000

  /// The number of each link's first frame: not 0 only in tests of how numbers wrap. It is the same on all nodes.
  public var firstSequence = SequenceNumber(0)

  public init() {}
}
