/// What has become of the frames that a controller stored in memory.
public struct ReceiveCounters: Equatable, Sendable {
  /// Frames, and bytes of them without CRC, that were handed on.
  public var frames: UInt64 = 0
  public var bytes: UInt64 = 0

  /// Dropped: the CRC was wrong.
  public var badChecksums: UInt64 = 0
  /// Dropped: the line or the controller had another error in it.
  public var otherErrors: UInt64 = 0
  /// Dropped: fewer bytes than an Ethernet frame has.
  public var tooShort: UInt64 = 0
  /// Dropped: more bytes than `RingSizes.longestFrame`, or buffers that are not full before the last one.
  public var tooLong: UInt64 = 0
}
