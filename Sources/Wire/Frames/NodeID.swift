/// A node's number in its cluster, from 0 on.
public struct NodeID: Hashable, Comparable, Sendable {
  public let value: UInt16

  @inlinable
  public init(_ value: UInt16) { self.value = value }

  /// A cluster has at most this many nodes, numbered below it.
  @inlinable
  public static var limit: Int { 256 }

  /// Stands for no node or for any: as receiver, all that hear it; as sender, one that has no number yet.
  @inlinable
  public static var none: Self { Self(0xFFFF) }

  /// Whether it is the number of a node.
  @inlinable
  public var isNode: Bool { Int(value) < Self.limit }

  /// The number as an index.
  @inlinable
  public var index: Int { Int(value) }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}
