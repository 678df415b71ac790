/// A set of nodes: a bit for each of the 256 possible ones.
public struct NodeSet: Equatable, Sendable {
  /// Bit b of word w stands for node 64 · w + b.
  @usableFromInline var words = InlineArray<4, UInt64>(repeating: 0)

  /// The empty set.
  @inlinable
  public init() {}

  @inlinable
  public static var wordCount: Int { 4 }

  /// The bits of nodes 64 · index to 64 · index + 63; `index` is below `wordCount`.
  @inlinable
  public subscript(word index: Int) -> UInt64 {
    get { words[index] }
    set { words[index] = newValue }
  }

  @inlinable @inline(__always)
  public var isEmpty: Bool { words[0] | words[1] | words[2] | words[3] == 0 }

  @inlinable
  public var count: Int {
    words[0].nonzeroBitCount + words[1].nonzeroBitCount + words[2].nonzeroBitCount + words[3].nonzeroBitCount
  }

  /// Whether `node` is in the set; false for what is no node.
  @inlinable @inline(__always)
  public func contains(_ node: NodeID) -> Bool {
    node.isNode && words[node.index >> 6] & Self.bit(node) != 0
  }

  /// Adds `node`, which must be one.
  @inlinable @inline(__always)
  public mutating func insert(_ node: NodeID) {
    precondition(node.isNode)
    words[node.index >> 6] |= Self.bit(node)
  }

  @inlinable @inline(__always)
  public mutating func remove(_ node: NodeID) {
    if node.isNode { words[node.index >> 6] &= ~Self.bit(node) }
  }

  /// Adds `node`, which must be one, or removes it.
  @inlinable @inline(__always)
  public mutating func set(_ node: NodeID, to isMember: Bool) {
    precondition(node.isNode)
    let others = words[node.index >> 6] & ~Self.bit(node)
    words[node.index >> 6] = others | (isMember ? Self.bit(node) : 0)
  }

  @inlinable @inline(__always)
  static func bit(_ node: NodeID) -> UInt64 { 1 &<< UInt64(node.value & 63) }

  /// The member with the lowest number of those whose number is at least `start`, or nil.
  @inlinable
  public func first(from start: Int = 0) -> NodeID? {
    guard start < NodeID.limit else { return nil }
    var index = start >> 6
    var bits = words[index] & (UInt64.max &<< UInt64(start & 63))
    while bits == 0 {
      index += 1
      guard index < Self.wordCount else { return nil }
      bits = words[index]
    }
    return Self.lowest(bits, inWord: index)
  }

  /// The first member from `start` on or, where there is none, the first of all; nil for the empty set.
  @inlinable @inline(__always)
  public func firstAround(from start: Int) -> NodeID? {
    guard start < NodeID.limit else { return first() }
    if words[1] | words[2] | words[3] == 0 {
      // The ordinary case: no node beyond 63
      let after = start < 64 ? words[0] & UInt64.max &<< UInt64(start) : 0
      return words[0] == 0 ? nil : Self.lowest(after == 0 ? words[0] : after, inWord: 0)
    }
    let index = start >> 6
    let bits = words[index] & (UInt64.max &<< UInt64(start & 63))
    if bits != 0 { return Self.lowest(bits, inWord: index) }
    for step in 1...Self.wordCount {
      let next = (index &+ step) & 3
      if words[next] != 0 { return Self.lowest(words[next], inWord: next) }
    }
    return nil
  }

  @inlinable @inline(__always)
  static func lowest(_ bits: UInt64, inWord index: Int) -> NodeID {
    NodeID(UInt16(truncatingIfNeeded: index << 6 + bits.trailingZeroBitCount))
  }

  @inlinable
  public static func == (left: Self, right: Self) -> Bool {
    for index in 0..<wordCount where left.words[index] != right.words[index] { return false }
    return true
  }
}
