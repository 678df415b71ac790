/// A set of nodes: a bit for each of the 256 possible ones.
public struct NodeSet: Equatable, Sendable {
  /// Bit b of word w stands for node 64 · w + b.
  @usableFromInline var word0: UInt64 = 0
  @usableFromInline var word1: UInt64 = 0
  @usableFromInline var word2: UInt64 = 0
  @usableFromInline var word3: UInt64 = 0

  /// The empty set.
  @inlinable
  public init() {}

  @inlinable
  public static var wordCount: Int { 4 }

  /// The bits of nodes 64 · index to 64 · index + 63; `index` is below `wordCount`.
  @inlinable
  public subscript(word index: Int) -> UInt64 {
    get {
      switch index {
      case 0: word0
      case 1: word1
      case 2: word2
      default: word3
      }
    }
    set {
      switch index {
      case 0: word0 = newValue
      case 1: word1 = newValue
      case 2: word2 = newValue
      default: word3 = newValue
      }
    }
  }

  @inlinable
  public var isEmpty: Bool { word0 | word1 | word2 | word3 == 0 }

  @inlinable
  public var count: Int {
    word0.nonzeroBitCount + word1.nonzeroBitCount + word2.nonzeroBitCount + word3.nonzeroBitCount
  }

  /// Whether `node` is in the set; false for what is no node.
  @inlinable
  public func contains(_ node: NodeID) -> Bool {
    node.isNode && self[word: node.index >> 6] >> UInt64(node.index & 63) & 1 != 0
  }

  /// Adds `node`, which must be one.
  @inlinable
  public mutating func insert(_ node: NodeID) {
    precondition(node.isNode)
    self[word: node.index >> 6] |= 1 << UInt64(node.index & 63)
  }

  @inlinable
  public mutating func remove(_ node: NodeID) {
    guard node.isNode else { return }
    self[word: node.index >> 6] &= ~(1 << UInt64(node.index & 63))
  }

  /// The member with the lowest number of those whose number is at least `start`, or nil.
  @inlinable
  public func first(from start: Int = 0) -> NodeID? {
    guard start < NodeID.limit else { return nil }
    var index = start >> 6
    var bits = self[word: index] & (UInt64.max << UInt64(start & 63))
    while bits == 0 {
      index += 1
      guard index < Self.wordCount else { return nil }
      bits = self[word: index]
    }
    return NodeID(UInt16(truncatingIfNeeded: index << 6 + bits.trailingZeroBitCount))
  }
}
