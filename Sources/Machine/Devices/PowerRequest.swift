/// What the guest asks of the machine as a whole.
public enum PowerRequest: Equatable, Sendable {
  case powerOff
  case reset
}
