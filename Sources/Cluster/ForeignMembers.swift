import Wire

/// The members of another cluster with this one's number: for each node number whose heartbeat came last, and when.
struct ForeignMembers {
  private struct Hearing {
    var origin: FrameIdentity
    var time: Instant
  }

  private var table: [Hearing?]

  init(nodeCount: Int) { table = [Hearing?](repeating: nil, count: nodeCount) }

  /// Takes note of a heartbeat, unless no cluster of this size has such a number.
  mutating func note(_ id: NodeID, _ origin: FrameIdentity, at now: Instant) {
    guard id.isNode, id.index < table.count else { return }
    table[id.index] = Hearing(origin: origin, time: now)
  }

  /// When a heartbeat of `origin` as number `id` last came, if nobody else's has since.
  func lastHeard(_ id: NodeID, _ origin: FrameIdentity) -> Instant? {
    guard id.isNode, id.index < table.count, let hearing = table[id.index], hearing.origin == origin else {
      return nil
    }
    return hearing.time
  }
}
