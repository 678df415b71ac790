import Wire

/// The latest refusals of, or by, nodes that may not be known any further. It remembers the first ones; further ones have no
/// place until one of these has been quiet for long.
struct RefusalHistory {
  private static let capacity = 16
  /// Whoever has been quiet for so many intervals is forgotten, where there is another one to remember.
  private static let memory: UInt64 = 20

  private struct Entry {
    var origin: FrameIdentity
    var reason: Refusal.Reason
    var latest: Instant
  }

  private var entries = InlineArray<16, Entry?>(repeating: nil)
  /// How many got their turn without a place, since when.
  private var extraCount = 0
  private var extraStart = Instant(nanoseconds: 0)

  /// Whose turn it is for `reason`, as which this counts unless it is too soon.
  mutating func turn(
    _ reason: Refusal.Reason, _ origin: FrameIdentity, at now: Instant, interval: UInt64
  ) -> RefusalTurn {
    var free: Int?
    for index in 0..<Self.capacity {
      guard let entry = entries[index] else {
        free = free ?? index
        continue
      }
      if entry.origin == origin, entry.reason == reason {
        guard now.since(entry.latest) >= interval else { return .tooSoon }
        entries[index] = Entry(origin: origin, reason: reason, latest: now)
        return .again
      }
      if now.since(entry.latest) >= Self.memory * interval { free = free ?? index }
    }
    guard let free else { return extraTurn(at: now, interval: interval) }
    entries[free] = Entry(origin: origin, reason: reason, latest: now)
    return .first
  }

  /// Of those without a place as many have their turn as there are places.
  private mutating func extraTurn(at now: Instant, interval: UInt64) -> RefusalTurn {
    if now.since(extraStart) >= interval {
      extraStart = now
      extraCount = 0
    }
    guard extraCount < Self.capacity else { return .tooSoon }
    extraCount += 1
    return .uncertain
  }
}
