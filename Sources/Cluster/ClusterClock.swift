import Wire

/// A reading of the cluster's time, which all members follow from the one that leads it.
///
/// It never goes back: where it is found to be ahead it goes at half speed until it is not. Two nodes read it differently
/// by the sum of their error bounds, at most, if their own clocks drift apart no more than `ClusterOptions.clockDrift`. A
/// bound is half of what the best exchange took, made worse by the drift since then. The exchange is measured on the link
/// between a node and the leader, and where it takes as long there as back the error is far below the bound: what is left
/// is the drift since. So the reading of a node differs from the leader's by less than one one-way delay of their link even where
/// one way takes no time at all, as long as the last exchange is so recent that the drift does not matter. Between two
/// nodes that both follow, that is one one-way delay of each to the leader.
public struct ClusterClock: Sendable {
  /// Where the present straight line starts, in the node's own time and the cluster's.
  var anchor = Instant(nanoseconds: 0)
  var value: UInt64 = 0
  /// How far the time is ahead of what it should be, at the anchor.
  var ahead: UInt64 = 0
  /// How far what it should be may be off, at the anchor.
  var halfWidth: UInt64 = 0
  /// Parts per million; 0 where this node leads.
  var drift: UInt64 = 0
  var hasTime = false
  /// Whether `halfWidth` says something of the node that leads now.
  var isMeasured = false

  /// Nanoseconds of cluster time when this node's own clock says `instant`; nil as long as the node does not know.
  ///
  /// The later the instant, the later the time, also from one `ClusterClock` of a `Membership` to the next if they are read
  /// at the time at which they were made, or later.
  public func time(at instant: Instant) -> UInt64? { hasTime ? reading(at: instant) : nil }

  /// How far `time` is from that of the node that leads, at most; 0 on that node. nil as long as this node has not
  /// exchanged anything with it.
  public func errorBound(at instant: Instant) -> UInt64? {
    hasTime && isMeasured ? bound(at: instant) : nil
  }

  func reading(at instant: Instant) -> UInt64 {
    let elapsed = instant.since(anchor)
    let advance = elapsed / 2 < ahead ? elapsed / 2 : elapsed - ahead
    let (sum, overflow) = value.addingReportingOverflow(advance)
    return overflow ? .max : sum
  }

  /// The error bound, where the leader may have changed since the measurement: then in the old one's time.
  func bound(at instant: Instant) -> UInt64 {
    let elapsed = instant.since(anchor)
    let remaining = elapsed / 2 < ahead ? ahead - elapsed / 2 : 0
    return halfWidth &+ remaining &+ Self.drift(in: elapsed, drift)
  }

  /// How far two clocks drift apart in `elapsed` nanoseconds, rounded up.
  static func drift(in elapsed: UInt64, _ partsPerMillion: UInt64) -> UInt64 {
    guard partsPerMillion > 0 else { return 0 }
    return elapsed / 1_000_000 * partsPerMillion + elapsed % 1_000_000 * partsPerMillion / 1_000_000 + 1
  }
}
