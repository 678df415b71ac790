/// What has become of the frames that were to be sent.
public struct TransmitCounters: Equatable, Sendable {
  /// Frames, and bytes of them without CRC, that were given to the controller.
  public var frames: UInt64 = 0
  public var bytes: UInt64 = 0

  /// Frames that were wanted while the ring was full.
  public var refusedFull: UInt64 = 0
  /// Frames that were wanted while there was no link.
  public var refusedNoLink: UInt64 = 0
  /// Frames that the controller had when it had to be started again.
  public var lost: UInt64 = 0
}
