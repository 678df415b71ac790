import Wire

/// How many refusals may be reported now: a burst, and then one in a while, whoever and however many cause them.
struct RefusalBudget {
  private static let burst = 16
  /// Nanoseconds until one more may be reported.
  private static let interval: UInt64 = 1_000_000_000

  private var count = Self.burst
  private var latest = Instant(nanoseconds: 0)

  /// Takes one from what is left, if anything is.
  mutating func take(at now: Instant) -> Bool {
    let earned = now.since(latest) / Self.interval
    if earned >= UInt64(Self.burst - count) {
      count = Self.burst
      latest = now
    } else {
      count += Int(earned)
      latest = latest + earned * Self.interval
    }
    guard count > 0 else { return false }
    count -= 1
    return true
  }
}
