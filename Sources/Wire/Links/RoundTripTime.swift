/// How long a frame's acknowledgement takes, and so how long to wait for one (RFC 6298, section 2), in nanoseconds.
struct RoundTripTime {
  /// nil before the first measurement.
  private(set) var smoothed: UInt64?
  private(set) var variation: UInt64 = 0
  /// How often the timeout has doubled since the last measurement.
  private var backoff: UInt64 = 0

  @inline(__always)
  mutating func measured(_ time: UInt64) {
    // Longer than the longest timeout by far: what is not plausible must not overflow either.
    let time = min(time, 1 << 40)
    if let mean = smoothed {
      let error = time > mean ? time - mean : mean - time
      variation = (3 * variation + error) / 4
      smoothed = (7 * mean + time) / 8
    } else {
      smoothed = time
      variation = time / 2
    }
    backoff = 0
  }

  /// The timeout passed: the next one is twice as long.
  mutating func backOff() { backoff = min(backoff + 1, 16) }

  @inline(__always)
  func timeout(_ options: LinkOptions) -> UInt64 {
    let estimate = smoothed.map { $0 + 4 * variation } ?? options.initialTimeout
    let bounded = min(max(estimate, options.minimumTimeout), options.maximumTimeout)
    return min(bounded << backoff, options.maximumTimeout)
  }
}
