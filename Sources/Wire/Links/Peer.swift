import Ethernet

/// Who is at the other end of a link.
public struct Peer: Hashable, Sendable {
  public var id: NodeID
  public var incarnation: Incarnation
  public var address: MACAddress

  public init(id: NodeID, incarnation: Incarnation, address: MACAddress) {
    self.id = id
    self.incarnation = incarnation
    self.address = address
  }
}
