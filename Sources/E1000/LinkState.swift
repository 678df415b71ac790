/// The line to the switch or the peer, as the controller sees it.
public enum LinkState: Equatable, Sendable {
  case down
  /// Speed in Mb/s.
  case up(speed: Int, isFullDuplex: Bool)

  init(_ status: DeviceStatus) {
    self =
      status.contains(.linkUp)
      ? .up(speed: status.speed, isFullDuplex: status.contains(.fullDuplex)) : .down
  }

  public var isUp: Bool { self != .down }
}
