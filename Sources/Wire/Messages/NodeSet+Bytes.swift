extension Span<UInt8> {
  /// The set at `offset`, where there are 32 bytes.
  func nodeSet(at offset: Int) -> NodeSet {
    var set = NodeSet()
    for index in 0..<NodeSet.wordCount { set[word: index] = uint64(at: offset + 8 * index) }
    return set
  }
}

extension MutableSpan<UInt8> {
  /// Stores `set` at `offset`, where there is room for 32 bytes.
  mutating func put(_ set: NodeSet, at offset: Int) {
    for index in 0..<NodeSet.wordCount { put(set[word: index], at: offset + 8 * index) }
  }
}
