/// The real-time clock and its battery-backed memory (Motorola MC146818A, "Real-Time Clock Plus RAM"; the
/// century at 0x32, as on a PC).
///
/// The time is worked out when it is read: seconds at a known TSC tick, plus the TSC's progress since. While
/// status B's SET bit is on, what the guest writes is held back and becomes the time when SET goes off; else
/// each write takes effect by itself, and either way the new second starts at that moment. Update-in-progress
/// shows in the last 244 µs of each second and so never sticks, and the fields change exactly at the second.
///
/// Interrupts: update-ended and alarm, once a second at most, since Linux's driver waits for them (its RTC
/// core makes the update interrupt of an alarm). `nextEvent` says when `advance` is due, and is nil while
/// neither is enabled. The periodic interrupt's enable bit and rate read back but nothing comes of them: that
/// core replaces it by a kernel timer.
public struct RTC: Sendable {
  private enum Register {
    static let seconds: UInt8 = 0x00
    static let secondsAlarm: UInt8 = 0x01
    static let minutes: UInt8 = 0x02
    static let minutesAlarm: UInt8 = 0x03
    static let hours: UInt8 = 0x04
    static let hoursAlarm: UInt8 = 0x05
    static let weekday: UInt8 = 0x06
    static let day: UInt8 = 0x07
    static let month: UInt8 = 0x08
    static let year: UInt8 = 0x09
    static let statusA: UInt8 = 0x0A
    static let statusB: UInt8 = 0x0B
    static let statusC: UInt8 = 0x0C
    static let statusD: UInt8 = 0x0D
    static let century: UInt8 = 0x32
  }

  private struct StatusB: OptionSet {
    let rawValue: UInt8
    static let hours24 = Self(rawValue: 1 << 1)
    static let binary = Self(rawValue: 1 << 2)
    static let updateEnded = Self(rawValue: 1 << 4)
    static let alarm = Self(rawValue: 1 << 5)
    static let set = Self(rawValue: 1 << 7)
  }

  private static let updateInProgress: UInt8 = 1 << 7
  private static let interruptRequest: UInt8 = 1 << 7
  private static let validRAMAndTime: UInt8 = 1 << 7
  private static let afternoon: UInt8 = 1 << 7
  /// An alarm field from here on matches every time.
  private static let anyTime: UInt8 = 0xC0
  /// The divider chain runs from a 32,768 Hz crystal, and the periodic rate is 1,024 Hz.
  private static let initialStatusA: UInt8 = 0x26
  /// Seconds that an `advance` which comes late looks back over for an alarm.
  private static let alarmHistory: UInt64 = 60

  private let frequency: TSCFrequency
  private var index: UInt8 = 0
  /// Everything that is plain memory: the alarm, status A and the bytes from 0x0E on.
  private var memory = InlineArray<128, UInt8>(repeating: 0)
  private var statusB: StatusB = .hours24
  /// Flags of status C: the enable bits' positions in status B.
  private var flags: StatusB = []

  /// It was `baseSeconds` since 1970 at tick `baseTick`.
  private var baseSeconds: UInt64
  private var baseTick: UInt64
  /// The time that SET holds back.
  private var held: CalendarTime?
  /// The last second whose start was looked at for events.
  private var seenSecond: UInt64

  /// A clock that shows `secondsSinceEpoch` (UTC, since the start of 1970) at TSC tick `now`.
  public init(secondsSinceEpoch: UInt64, now: UInt64, frequency: TSCFrequency) {
    self.frequency = frequency
    baseSeconds = min(secondsSinceEpoch, CalendarTime.lastSecond)
    baseTick = now
    seenSecond = baseSeconds
    memory[Int(Register.statusA)] = Self.initialStatusA
  }

  /// Whether the interrupt output is asserted: until the guest reads status C.
  public var isInterruptAsserted: Bool { !flags.isDisjoint(with: statusB.intersection(Self.interrupts)) }

  private static let interrupts: StatusB = [.updateEnded, .alarm]

  /// The tick at which `advance` could assert the interrupt, or nil where it could not.
  public var nextEvent: UInt64? {
    guard !statusB.isDisjoint(with: Self.interrupts), !statusB.contains(.set), !isInterruptAsserted else {
      return nil
    }
    let (ticks, overflow) = (seenSecond - baseSeconds + 1).multipliedReportingOverflow(by: frequency.hertz)
    let (tick, overflow2) = baseTick.addingReportingOverflow(ticks)
    return overflow || overflow2 ? nil : tick
  }

  /// Lets the seconds that started up to `now` happen.
  public mutating func advance(now: UInt64) {
    let second = seconds(now: now)
    guard second > seenSecond, !statusB.contains(.set) else { return }
    flags.insert(.updateEnded)
    let first = max(seenSecond, second - min(second, Self.alarmHistory)) + 1
    for candidate in first...second where isAlarm(at: candidate) { flags.insert(.alarm) }
    seenSecond = second
  }

  /// Reads the index port (0) or the data port (1). The index reads all ones, as on a PC.
  public mutating func read(_ port: UInt8, now: UInt64) -> UInt8 {
    guard port == 1 else { return 0xFF }
    advance(now: now)
    switch index {
    case Register.statusA:
      return memory[Int(Register.statusA)] | (isUpdateInProgress(now: now) ? Self.updateInProgress : 0)
    case Register.statusB: return statusB.rawValue
    case Register.statusC:
      let status = flags.rawValue | (isInterruptAsserted ? Self.interruptRequest : 0)
      flags = []
      return status
    case Register.statusD: return Self.validRAMAndTime
    default:
      return encodedField(index, of: held ?? CalendarTime(secondsSinceEpoch: seconds(now: now)))
        ?? memory[Int(index)]
    }
  }

  /// Writes the index port (0) or the data port (1). Bit 7 of the index, the PC's NMI gate, is ignored.
  public mutating func write(_ port: UInt8, _ value: UInt8, now: UInt64) {
    guard port == 1 else {
      if port == 0 { index = value & 0x7F }
      return
    }
    advance(now: now)
    switch index {
    case Register.statusA: memory[Int(Register.statusA)] = value & ~Self.updateInProgress
    case Register.statusB: setStatusB(StatusB(rawValue: value), now: now)
    case Register.statusC, Register.statusD: break
    default:
      var time = held ?? CalendarTime(secondsSinceEpoch: seconds(now: now))
      guard setField(index, of: &time, to: value) else {
        memory[Int(index)] = value
        return
      }
      if statusB.contains(.set) { held = time } else { setTime(time, now: now) }
    }
  }

  private func seconds(now: UInt64) -> UInt64 {
    baseSeconds &+ (now >= baseTick ? (now - baseTick) / frequency.hertz : 0)
  }

  private func isUpdateInProgress(now: UInt64) -> Bool {
    guard now >= baseTick, !statusB.contains(.set), memory[Int(Register.statusA)] >> 4 & 7 == 2 else {
      return false
    }
    let rest = frequency.hertz - (now - baseTick) % frequency.hertz
    return rest <= frequency.hertz * 244 / 1_000_000
  }

  private mutating func setTime(_ time: CalendarTime, now: UInt64) {
    baseSeconds = time.secondsSinceEpoch
    baseTick = now
    seenSecond = baseSeconds
  }

  private mutating func setStatusB(_ value: StatusB, now: UInt64) {
    if value.contains(.set) && !statusB.contains(.set) {
      held = CalendarTime(secondsSinceEpoch: seconds(now: now))
    }
    statusB = value
    // SET clears the enable bit of the update-ended interrupt (MC146818A, "Register B").
    if value.contains(.set) {
      statusB.remove(.updateEnded)
    } else if let time = held {
      held = nil
      setTime(time, now: now)
    }
  }

  private func isAlarm(at second: UInt64) -> Bool {
    let time = CalendarTime(secondsSinceEpoch: second)
    func matches(_ alarm: UInt8, _ field: UInt8) -> Bool {
      memory[Int(alarm)] >= Self.anyTime || memory[Int(alarm)] == encodedField(field, of: time)
    }
    return matches(Register.secondsAlarm, Register.seconds)
      && matches(Register.minutesAlarm, Register.minutes) && matches(Register.hoursAlarm, Register.hours)
  }

  /// A register of the time in the format that status B asks for; nil where `register` is none.
  private func encodedField(_ register: UInt8, of time: CalendarTime) -> UInt8? {
    switch register {
    case Register.seconds: return encoded(time.second)
    case Register.minutes: return encoded(time.minute)
    case Register.hours:
      if statusB.contains(.hours24) { return encoded(time.hour) }
      let hour = encoded(time.hour % 12 == 0 ? 12 : time.hour % 12)
      return time.hour >= 12 ? hour | Self.afternoon : hour
    case Register.weekday: return encoded(time.weekday)
    case Register.day: return encoded(time.day)
    case Register.month: return encoded(time.month)
    case Register.year: return encoded(UInt8(time.year % 100))
    case Register.century: return encoded(UInt8(truncatingIfNeeded: time.year / 100))
    default: return nil
    }
  }

  /// Changes one register of the time; false where `register` is none. The weekday follows from the date.
  private func setField(_ register: UInt8, of time: inout CalendarTime, to value: UInt8) -> Bool {
    switch register {
    case Register.seconds: time.second = decoded(value)
    case Register.minutes: time.minute = decoded(value)
    case Register.hours:
      if statusB.contains(.hours24) {
        time.hour = decoded(value)
      } else {
        let hour = decoded(value & ~Self.afternoon) % 12
        time.hour = value & Self.afternoon != 0 ? hour + 12 : hour
      }
    case Register.weekday: break
    case Register.day: time.day = decoded(value)
    case Register.month: time.month = decoded(value)
    case Register.year: time.year = time.year / 100 * 100 + UInt16(decoded(value) % 100)
    case Register.century: time.year = UInt16(min(decoded(value), 99)) * 100 + time.year % 100
    default: return false
    }
    return true
  }

  private func encoded(_ value: UInt8) -> UInt8 {
    statusB.contains(.binary) ? value : (value / 10) << 4 | value % 10
  }

  private func decoded(_ value: UInt8) -> UInt8 {
    statusB.contains(.binary) ? value : (value >> 4) * 10 + (value & 0xF)
  }
}
