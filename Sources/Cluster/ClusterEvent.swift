import Ethernet
import Wire

/// What a user of the cluster wants to hear of.
public enum ClusterEvent: Equatable, Sendable {
  /// This node is in a cluster, for the first time: `Membership.map` says with whom.
  case formed(Epoch)
  /// The map has changed. The members that left it have been reported by `down` just before.
  case changed(Epoch)
  /// Nothing has been heard of a member for `ClusterOptions.suspicionTime`.
  case suspected(NodeID, lastHeard: Instant)
  /// A suspected member has been heard again.
  case recovered(NodeID)
  /// A member is out of the map since this epoch.
  case down(NodeID, Epoch, lastHeard: Instant)
  /// A member has booted anew, as this incarnation: what it was before is going to be declared down.
  case rebooted(NodeID, Incarnation)
  /// This node has refused another.
  case refused(MACAddress, Refusal)
  /// Another node has refused this one; `.none` where it has no number.
  case refusedBy(MACAddress, NodeID, Refusal)
  /// The others have declared this incarnation down, in this epoch of theirs: it is out for good.
  case expelled(Epoch)

  var isRefusal: Bool {
    switch self {
    case .refused, .refusedBy: true
    default: false
    }
  }
}
