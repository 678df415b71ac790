import Wire

/// The cluster's time as this node knows it at the moment: a straight line, or two, over its own clock.
///
/// All members follow the one that leads. `errorBound` holds if two nodes' clocks drift apart by no more than
/// `ClusterOptions.clockDrift`: half of the best round trip to the leader, and the drift since. Where a frame to the leader
/// takes as long as one back only the drift is left, and any two nodes read the time differently by much less than one
/// one-way delay. Where it does not the error is half of the difference, and two nodes that both follow may differ by
/// the sum of theirs.
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
  /// It does not go back: not from one instant to a later one, nor from one `Membership.clock` to the next if each is read
  /// at the present instant. Where it is found to be ahead it goes at half speed until it is not.
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
