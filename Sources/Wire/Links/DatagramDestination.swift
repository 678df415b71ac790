import Ethernet

/// Where a datagram goes.
public enum DatagramDestination: Hashable, Sendable {
  /// To every node on the Ethernet.
  case everyone
  /// To the node at the other end of a link.
  case peer(NodeID)
  /// To a node without a link; of its number and incarnation what is known.
  case stranger(MACAddress, NodeID = .none, Incarnation = .none)
}
