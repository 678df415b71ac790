import Wire

/// Whether a refusal is to be sent, and reported.
enum RefusalTurn {
  case first, again, tooSoon
  /// To be sent, and only counted: it may be the first one, or not.
  case uncertain
}

/// Keeps refusals to one node rare, and the reports of them to one for each reason.
struct RefusalLimit {
  private var lastReason: Refusal.Reason?
  private var lastSent = Instant(nanoseconds: 0)
  private var reported: UInt64 = 0

  /// Whether the node may be told `reason` at `now`, as which this then counts.
  mutating func turn(_ reason: Refusal.Reason, at now: Instant, interval: UInt64) -> RefusalTurn {
    if lastReason == reason, now.since(lastSent) < interval { return .tooSoon }
    lastReason = reason
    lastSent = now
    let bit: UInt64 = 1 << UInt64(reason.rawValue & 63)
    defer { reported |= bit }
    return reported & bit == 0 ? .first : .again
  }
}
