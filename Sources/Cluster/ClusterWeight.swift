import Ethernet
import Wire

/// Which of two clusters stays, or of two parts of one that have declared each other down: the one with more members; of
/// two of the same size the one with the lowest number, or if both have that, whose bearer has the lower address.
struct ClusterWeight {
  let count: UInt16
  let lowest: NodeID
  /// nil where it is not known.
  let lowestAddress: MACAddress?

  init(_ members: NodeSet, lowestAddress: MACAddress?) {
    count = UInt16(members.count)
    lowest = members.first() ?? .none
    self.lowestAddress = lowestAddress
  }

  /// What a refusal by `sender` says.
  init(_ detail: UInt64, from sender: NodeID, _ address: MACAddress) {
    count = UInt16(truncatingIfNeeded: detail >> 32)
    lowest = NodeID(UInt16(truncatingIfNeeded: detail >> 48))
    lowestAddress = lowest == sender ? address : nil
  }

  /// Whether a cluster of `nodeCount` nodes can weigh so much; 0 members are none.
  func fits(nodeCount: Int) -> Bool {
    count == 0 || lowest.isNode && lowest.index + Int(count) <= nodeCount
  }

  /// The detail of a refusal that says this, and the epoch.
  func detail(in epoch: Epoch) -> UInt64 {
    UInt64(epoch.value) | UInt64(count) << 32 | UInt64(lowest.value) << 48
  }

  /// Whether the first has to go; false also where it can't be told.
  static func < (left: Self, right: Self) -> Bool {
    if left.count != right.count { return left.count < right.count }
    if left.lowest != right.lowest { return left.lowest > right.lowest }
    guard let address = left.lowestAddress, let other = right.lowestAddress else { return false }
    return address > other
  }
}
