/// How many ticks of the guest's time-stamp counter make a second.
public struct TSCFrequency: Equatable, Sendable {
  public let hertz: UInt64

  /// Nil outside 10 kHz…1 THz: the devices' arithmetic relies on that range.
  public init?(hertz: UInt64) {
    guard hertz >= 10_000, hertz <= 1_000_000_000_000 else { return nil }
    self.hertz = hertz
  }
}
