import Ethernet

/// Who the node is that a `LinkTable` speaks for.
public struct LocalNode: Sendable {
  public var address: MACAddress
  public var incarnation: Incarnation
  public var cluster: ClusterID
  /// `.none` until the cluster has given it one.
  public var id = NodeID.none
  /// The epoch that it has reached: stands in all that it sends.
  public var epoch = Epoch(0)

  public init(address: MACAddress, incarnation: Incarnation, cluster: ClusterID) {
    precondition(incarnation != .none)
    self.address = address
    self.incarnation = incarnation
    self.cluster = cluster
  }
}
