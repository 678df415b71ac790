import Memory

/// The link needs the frame of a page no more.
public struct ReleasedPage: Hashable, Sendable {
  public let frame: HostPhysicalAddress
  public let receiver: NodeID
  /// Whether the receiver has acknowledged the message; false where the link was closed before.
  public let wasDelivered: Bool
}
