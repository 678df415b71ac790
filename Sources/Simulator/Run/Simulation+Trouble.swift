/// Nodes that some others can't be heard by.
struct Partition {
  var until: UInt64 = 0
  /// Which side each node is on.
  var sides: [Bool] = []
  /// Whether those on the first side still hear those on the second.
  var isOneWay = false

  @inline(__always)
  func cuts(_ sender: Int, _ receiver: Int, at time: UInt64) -> Bool {
    time < until && sides[sender] != sides[receiver] && (!isOneWay || sides[sender])
  }
}

extension Simulation {
  /// Something befalls a node, its cable, or the network, and the next trouble is set.
  func makeTrouble() {
    guard phase == .troubled, let interval = options.faults.troubleInterval else { return }
    statistics.troubles += 1
    let node = nodes[random.below(nodes.count)]
    switch random.below(4) {
    case 0: node.pausedUntil = now + random.below(10_000_000 as UInt64)
    case 1: node.linkDownUntil = now + random.below(20_000_000 as UInt64)
    default:
      partition.until = now + random.below(20_000_000 as UInt64)
      partition.sides = nodes.map { _ in random.chance(0.5) }
      partition.isOneWay = random.chance(0.5)
    }
    events.add(.trouble, at: now + 1 + random.below(2 * interval), node: 0)
  }
}
