/// The count of membership changes: each makes a new epoch. 0 comes before there is a cluster.
public struct Epoch: Hashable, Comparable, Sendable {
  public let value: UInt32

  @inlinable
  public init(_ value: UInt32) { self.value = value }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}
