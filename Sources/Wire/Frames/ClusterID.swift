/// Tells the clusters on one Ethernet apart: a node ignores frames of all but its own.
public struct ClusterID: Hashable, Sendable {
  public let value: UInt32

  @inlinable
  public init(_ value: UInt32) { self.value = value }
}
