import Wire

/// Which known nodes have which numbers: a map that is installed or may come to be.
struct Roster {
  private(set) var members = NodeSet()
  private(set) var digest: UInt64 = 0
  /// Where the member with this number stands in the table of known nodes.
  private var places: [Int]

  init(nodeCount: Int) { places = [Int](repeating: 0, count: nodeCount) }

  var isEmpty: Bool { members.isEmpty }

  /// The place of `id`, a member.
  func place(_ id: NodeID) -> Int { places[id.index] }

  /// The number of the node at `place`, if it is a member.
  func id(ofPlace place: Int) -> NodeID? {
    for id in members.nodes where places[id.index] == place { return id }
    return nil
  }

  mutating func insert(_ id: NodeID, place: Int) {
    places[id.index] = place
    members.insert(id)
  }

  mutating func clear() {
    members = NodeSet()
    digest = 0
  }

  /// Takes over those members of `other` that are in `subset`.
  mutating func copy(_ other: Roster, only subset: NodeSet) {
    members = other.members.intersection(subset)
    for index in 0..<places.count { places[index] = other.places[index] }
  }

  mutating func copy(_ other: Roster) {
    copy(other, only: other.members)
    digest = other.digest
  }

  mutating func computeDigest(_ known: KnownNodes) {
    var hash = MapDigest()
    for id in members.nodes {
      let node = known[places[id.index]]
      hash.add(id, node.incarnation, node.announcement)
    }
    digest = hash.value
  }
}
