import Wire

/// A node of the cluster, as all of its members know it.
public struct Member: Equatable, Sendable {
  public var peer: Peer
  /// What it had to offer when it came.
  public var announcement: Announcement

  public init(peer: Peer, announcement: Announcement) {
    self.peer = peer
    self.announcement = announcement
  }
}
