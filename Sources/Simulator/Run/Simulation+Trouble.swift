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
    befall(random.below(4))
    events.add(.trouble, at: now + 1 + random.below(2 * interval), node: 0)
  }

  /// With all faults, each kind comes eight times in the course of the accesses too, however little time these take.
  func makeTroubleByProgress() {
    guard options.faults == .all, doneAccesses >= troubleCount * allAccesses / 40 else { return }
    befall(troubleCount % 4)
    troubleCount += 1
  }

  /// Trouble of one of four kinds.
  private func befall(_ kind: Int) {
    let node = nodes[random.below(nodes.count)]
    switch kind {
    case 0:
      statistics.pauses += 1
      node.pausedUntil = now + random.below(10_000_000 as UInt64)
    case 1:
      statistics.linkFailures += 1
      node.linkDownUntil = now + random.below(20_000_000 as UInt64)
    default:
      partition.until = now + random.below(20_000_000 as UInt64)
      partition.sides = nodes.map { _ in random.chance(0.5) }
      // Somebody is on the other side.
      if nodes.count > 1 { partition.sides[node.index] = !partition.sides[(node.index + 1) % nodes.count] }
      partition.isOneWay = kind == 3
      if partition.isOneWay { statistics.oneWayPartitions += 1 } else { statistics.partitions += 1 }
    }
  }
}
