import Ethernet
import Wire

/// Who is in the cluster, from one membership change to the next: the same on all members.
public struct ClusterMap: ~Copyable {
  /// 0 before there is a cluster.
  public private(set) var epoch = Epoch(0)
  public private(set) var members = NodeSet()
  /// A hash of all that stands in the map.
  public private(set) var digest: UInt64 = 0

  private var table: [Member]

  /// An empty map with room for `nodeCount` members.
  init(nodeCount: Int) {
    let nobody = Peer(id: .none, incarnation: .none, address: MACAddress(0))
    table = [Member](repeating: Member(peer: nobody, announcement: Announcement()), count: nodeCount)
  }

  /// The member with number `id`, if there is one.
  public subscript(id: NodeID) -> Member? { members.contains(id) ? table[id.index] : nil }

  mutating func set(_ member: Member) { table[member.peer.id.index] = member }

  /// Makes the map that of `epoch`. All members have been `set`.
  mutating func begin(_ epoch: Epoch, _ members: NodeSet, _ digest: UInt64) {
    self.epoch = epoch
    self.members = members
    self.digest = digest
  }
}
