import Ethernet
import Wire

/// The nodes that have announced themselves, as many as there is room for. A node keeps its place, place 0 is the
/// local node's.
struct KnownNodes {
  private var table: [KnownNode]
  /// All places from here on are free.
  private(set) var end = 1

  /// With the local node.
  init(_ local: KnownNode, capacity: Int) {
    table = [KnownNode](repeating: KnownNode(), count: capacity)
    table[0] = local
  }

  subscript(place: Int) -> KnownNode {
    get { table[place] }
    set { table[place] = newValue }
  }

  func place(_ address: MACAddress, _ incarnation: Incarnation) -> Int? {
    for place in 0..<end
    where table[place].isUsed && table[place].incarnation == incarnation && table[place].address == address {
      return place
    }
    return nil
  }

  /// A place for a new node: a free one, else that of the unpinned one with the highest address, if that is higher.
  mutating func makePlace(_ address: MACAddress, _ incarnation: Incarnation) -> Int? {
    var worst: Int?
    for place in 0..<table.count {
      guard table[place].isUsed else {
        worst = place
        break
      }
      guard !table[place].isPinned, table[place].address > address else { continue }
      if worst.map({ table[$0].address < table[place].address }) ?? true { worst = place }
    }
    guard let place = worst else { return nil }
    end = max(end, place + 1)
    table[place] = KnownNode()
    table[place].isUsed = true
    table[place].address = address
    table[place].incarnation = incarnation
    return place
  }

  /// Frees the places of those that have not been heard since `limit`; false where there were none.
  mutating func expire(unheardSince limit: Instant) -> Bool {
    var hasExpired = false
    for place in 0..<end
    where table[place].isUsed && !table[place].isPinned && table[place].lastHeard < limit {
      table[place] = KnownNode()
      hasExpired = true
    }
    while end > 1, !table[end - 1].isUsed { end -= 1 }
    return hasExpired
  }
}
