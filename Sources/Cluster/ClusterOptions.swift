/// The size and the times of a cluster. Times are in nanoseconds.
public struct ClusterOptions: Sendable {
  /// Nodes that the cluster has once it has formed, 1 to `NodeID.limit`: the same on all of them.
  public var nodeCount: Int

  /// From one announcement to the next, while the node is not in a cluster.
  public var announcementInterval: UInt64 = 100_000_000

  /// From one announcement to the next, while others refuse the node.
  public var refusedAnnouncementInterval: UInt64 = 400_000_000

  public var heartbeatInterval: UInt64 = 100_000_000

  /// How often a view is said again, as long as the map is not installed.
  public var viewInterval: UInt64 = 50_000_000

  /// From one search among the nodes that have announced themselves to the next, at least: so much work at most comes
  /// from what they say, however much that is.
  public var searchInterval: UInt64 = 5_000_000

  /// A member that was silent for so long is suspected.
  public var suspicionTime: UInt64 = 500_000_000

  /// A member that was silent for so long is declared down; above `suspicionTime`.
  public var failureTime: UInt64 = 1_000_000_000

  /// A node is told the same refusal at most so often.
  public var refusalInterval: UInt64 = 500_000_000

  /// From one clock request to the next.
  public var clockInterval: UInt64 = 100_000_000

  /// How much the clocks of two nodes drift apart at most, in parts per million.
  public var clockDrift: UInt64 = 100

  public init(nodeCount: Int) { self.nodeCount = nodeCount }
}
