import Wire

/// Which of two parts of a cluster stays when both have declared the other down: the one with more members, and of two
/// of the same size the one with the lowest number.
struct ClusterWeight: Comparable {
  let count: UInt16
  /// The lowest number.
  let lowest: NodeID

  init(_ members: NodeSet) {
    count = UInt16(members.count)
    lowest = members.first() ?? .none
  }

  /// What a refusal says of the refuser's part.
  init(detail: UInt64) {
    count = UInt16(truncatingIfNeeded: detail >> 32)
    lowest = NodeID(UInt16(truncatingIfNeeded: detail >> 48))
  }

  func detail(in epoch: Epoch) -> UInt64 {
    UInt64(epoch.value) | UInt64(count) << 32 | UInt64(lowest.value) << 48
  }

  static func < (left: Self, right: Self) -> Bool {
    left.count == right.count ? left.lowest > right.lowest : left.count < right.count
  }
}
