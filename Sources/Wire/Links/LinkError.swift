/// Why a message was not taken or a link not opened.
public enum LinkError: Error, Equatable {
  /// There is no link to that node.
  case closed
  /// As many messages are on their way to that node as its link has room for.
  case full
  /// The node's number is the own one, or beyond those that there is room for.
  case noSuchPeer
  /// A link between these two incarnations has been there before: one of the two ends has to become a new one.
  case sameIncarnations
}
