import Wire

extension NodeSet {
  func subtracting(_ other: NodeSet) -> NodeSet {
    var set = self
    for index in 0..<NodeSet.wordCount { set[word: index] &= ~other[word: index] }
    return set
  }

  func intersection(_ other: NodeSet) -> NodeSet {
    var set = self
    for index in 0..<NodeSet.wordCount { set[word: index] &= other[word: index] }
    return set
  }

  func union(_ other: NodeSet) -> NodeSet {
    var set = self
    for index in 0..<NodeSet.wordCount { set[word: index] |= other[word: index] }
    return set
  }

  /// The nodes of the set, in rising order.
  var nodes: Nodes { Nodes(set: self) }

  struct Nodes: Sequence, IteratorProtocol {
    let set: NodeSet
    private var start = 0

    init(set: NodeSet) { self.set = set }

    mutating func next() -> NodeID? {
      guard let node = set.first(from: start) else { return nil }
      start = node.index + 1
      return node
    }
  }
}
