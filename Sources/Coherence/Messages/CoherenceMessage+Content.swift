extension CoherenceMessage {
  /// Says that the contents are of `version`: as changes where the receiver's stale copy is as old as that, or one
  /// version older.
  mutating func describe(_ version: PageVersion, to known: PageVersion, _ rules: some ProtocolRules) {
    self.version = version
    let isRecent = known == version || known.next == version || rules.breaks(.changesFromKnownVersion)
    guard known != .none, isRecent else {
      content = .page
      return
    }
    content = .changes
    self.known = known
  }

  /// Whether a node with a stale copy of version `known`, or without any, can make use of the contents.
  func isTakenBy(known: PageVersion) -> Bool {
    guard version != .none else { return false }
    switch content {
    case .none: return false
    case .zero, .page: return true
    case .changes: return known != .none && self.known == known
    }
  }
}
