import Ethernet
import Memory

/// The link needs the frame of a page no more.
public struct ReleasedPage: Hashable, Sendable {
  public let frame: HostPhysicalAddress
  public let receiver: NodeID
  /// Whether the receiver has acknowledged the message; false where the link was closed before.
  public let wasDelivered: Bool

  public init(frame: HostPhysicalAddress, receiver: NodeID, wasDelivered: Bool) {
    self.frame = frame
    self.receiver = receiver
    self.wasDelivered = wasDelivered
  }
}
