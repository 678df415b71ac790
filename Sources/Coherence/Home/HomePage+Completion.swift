import Memory
import Wire

extension HomePage {
  /// Ends the open transaction with a message of `sender`. False: the sender has none open that ends so.
  package mutating func end(
    _ message: CoherenceMessage, from sender: NodeID, _ context: HomeContext, _ rules: some ProtocolRules
  ) -> Bool {
    guard sender == requester else { return false }
    switch (state, message.kind) {
    case (.busyShared, .unblock):
      state = .shared
    case (.busyExclusive, .unblock):
      state = .exclusive
    case (.busyPut, .putData):
      guard message.isTakenBy(known: context.known) else { return false }
      version = message.version
      if message.content == .zero || rules.breaks(.holdWrittenPage) {
        state = .untouched
      } else {
        state = .held
      }
    default: return false
    }
    return true
  }
}
