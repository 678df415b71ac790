// The timer is one number: the time at which it fires next. The current count is worked out from it when it
// is read, so nothing has to happen while the timer runs. A masked timer has no deadline: nobody could see
// it fire. Every access to a timer register first lets the past happen (`expireTimer`), so that a timer that
// ran out unseen cannot fire late.

extension LocalAPIC {
  /// SDM Vol. 3A, 11.5.4, "APIC Timer", figure "Local Vector Table"; the reserved mode 3 counts as one-shot.
  enum TimerMode {
    case oneShot, periodic, tscDeadline
  }

  var timerMode: TimerMode {
    switch localVectors[LocalInterrupt.timer.rawValue] >> 17 & 3 {
    case 1: .periodic
    case 2: .tscDeadline
    default: .oneShot
    }
  }

  /// When `expireTimer` must be called, or nil while that would change nothing the guest can see.
  ///
  /// A periodic timer whose last interrupt is still in the IRR has none: its ticks merge there, and a period
  /// of one tick must not keep the guest from running.
  public var timerDeadline: UInt64? {
    @inline(__always) get {
      guard let timerExpiry else { return nil }
      let entry = localVectors[LocalInterrupt.timer.rawValue]
      guard entry & LocalVector.masked == 0 else { return nil }
      if timerMode == .periodic {
        let vector = UInt8(truncatingIfNeeded: entry)
        let isMerged =
          vector < Self.firstLegalVector
          ? pendingErrors.contains(.receivedIllegalVector) : requested[vector]
        if isMerged { return nil }
      }
      return timerExpiry
    }
  }

  /// Raises the timer's interrupt if its time has come, once for all the periods that have passed.
  public mutating func expireTimer(now: UInt64) {
    guard let expiry = timerExpiry, expiry <= now else { return }
    switch timerMode {
    case .periodic where timerPeriod != 0:
      let past = (now - expiry) % timerPeriod
      timerExpiry = Self.time(now, plus: timerPeriod - past)
    case .periodic, .oneShot:
      timerExpiry = nil
    case .tscDeadline:
      timerExpiry = nil
      tscDeadline = 0
    }
    raise(.timer)
  }

  /// TSC ticks per count: the divide configuration is 0b000 for 2, up to 0b110 for 128, and 0b111 for 1.
  private var ticksPerCount: UInt64 {
    let code = divideConfiguration >> 1 & 4 | divideConfiguration & 3
    return UInt64(timerRatio) << UInt64((code + 1) & 7)
  }

  /// TSC ticks from the initial count to 0; below 2⁵⁵.
  private var timerPeriod: UInt64 { UInt64(initialCount) * ticksPerCount }

  /// `now + ticks`, or the end of time.
  private static func time(_ now: UInt64, plus ticks: UInt64) -> UInt64 {
    let (sum, overflow) = now.addingReportingOverflow(ticks)
    return overflow ? .max : sum
  }

  /// The current count register; a count that is due but was not expired yet reads as its next period's.
  func currentCount(now: UInt64) -> UInt32 {
    guard timerMode != .tscDeadline, let timerExpiry else { return 0 }
    var remaining = timerExpiry > now ? timerExpiry - now : 0
    remaining = min(remaining, timerPeriod)
    return UInt32(truncatingIfNeeded: (remaining + ticksPerCount - 1) / ticksPerCount)
  }

  mutating func setInitialCount(_ count: UInt32, now: UInt64) {
    guard timerMode != .tscDeadline else { return }
    initialCount = count
    timerExpiry = count == 0 ? nil : Self.time(now, plus: timerPeriod)
  }

  /// A running count goes on from where it is at its new speed.
  mutating func setDivideConfiguration(_ value: UInt32, now: UInt64) {
    let count = currentCount(now: now)
    divideConfiguration = value
    guard timerMode != .tscDeadline, timerExpiry != nil else { return }
    timerExpiry = Self.time(now, plus: UInt64(count) * ticksPerCount)
  }

  /// Changing to or from the TSC-deadline mode disarms the timer (SDM Vol. 3A, 11.5.4.1, "TSC-Deadline Mode").
  mutating func setTimerVector(_ entry: UInt32) {
    let wasDeadline = timerMode == .tscDeadline
    localVectors[LocalInterrupt.timer.rawValue] = entry
    guard wasDeadline != (timerMode == .tscDeadline) else { return }
    timerExpiry = nil
    tscDeadline = 0
  }

  /// IA32_TSC_DEADLINE: outside its mode a write is ignored; 0 disarms; a time that has passed fires at once.
  mutating func setTSCDeadline(_ deadline: UInt64, now: UInt64) {
    guard timerMode == .tscDeadline else { return }
    tscDeadline = deadline
    let timeStamp = now &+ tscAdjust
    if deadline == 0 {
      timerExpiry = nil
    } else {
      timerExpiry = deadline > timeStamp ? Self.time(now, plus: deadline - timeStamp) : now
      expireTimer(now: now)
    }
  }

  /// Changes IA32_TSC_ADJUST. The counting modes do not notice; a TSC deadline comes nearer or moves away.
  mutating func setTSCAdjust(_ adjust: UInt64, now: UInt64) {
    tscAdjust = adjust
    if tscDeadline != 0 { setTSCDeadline(tscDeadline, now: now) }
  }
}
