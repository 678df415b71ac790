import Wire

/// The latest refusals of, or by, nodes that may not be known any further.
struct RefusalHistory {
  private struct Entry {
    var origin: FrameIdentity
    var reason: Refusal.Reason
    var latest: Instant
  }

  private var entries = InlineArray<16, Entry?>(repeating: nil)
  private var next = 0

  /// Whose turn it is for `reason`, as which this counts unless it is too soon.
  mutating func turn(
    _ reason: Refusal.Reason, _ origin: FrameIdentity, at now: Instant, interval: UInt64
  ) -> RefusalTurn {
    for index in 0..<16 {
      guard let entry = entries[index], entry.origin == origin, entry.reason == reason else { continue }
      guard now.since(entry.latest) >= interval else { return .tooSoon }
      entries[index] = Entry(origin: origin, reason: reason, latest: now)
      return .again
    }
    entries[next] = Entry(origin: origin, reason: reason, latest: now)
    next = (next + 1) % 16
    return .first
  }
}
