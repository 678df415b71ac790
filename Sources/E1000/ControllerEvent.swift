/// What a look at a controller has found.
public enum ControllerEvent: Equatable, Sendable {
  /// The link has come, gone or changed its speed.
  case link(LinkState)
  /// The controller no longer sent; it was started again, and the frames it had are lost.
  case restarted
  /// The controller no longer sent and could not be started again.
  case failed(ControllerError)
}
