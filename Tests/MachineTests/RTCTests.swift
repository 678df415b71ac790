import Support
import Testing

@testable import Machine

private let hertz: UInt64 = 10_000_000

private func clock(_ seconds: UInt64, now: UInt64 = 0) -> RTC {
  RTC(secondsSinceEpoch: seconds, now: now, frequency: TSCFrequency(hertz: hertz)!)
}

extension RTC {
  fileprivate mutating func read(_ register: UInt8, at now: UInt64) -> UInt8 {
    write(0, register, now: now)
    return read(1, now: now)
  }

  fileprivate mutating func write(_ register: UInt8, _ value: UInt8, at now: UInt64) {
    write(0, register, now: now)
    write(1, value, now: now)
  }

  /// Second, minute, hour, weekday, day, month, year, century.
  fileprivate mutating func time(at now: UInt64) -> [UInt8] {
    [0, 2, 4, 6, 7, 8, 9, 0x32].map { read($0, at: now) }
  }
}

struct CalendarTimeTests {
  @Test func knownMoments() {
    func fields(_ seconds: UInt64) -> [Int] {
      let time = CalendarTime(secondsSinceEpoch: seconds)
      return [
        Int(time.year), Int(time.month), Int(time.day), Int(time.hour), Int(time.minute), Int(time.second),
        Int(time.weekday),
      ]
    }
    #expect(fields(0) == [1970, 1, 1, 0, 0, 0, 5])
    #expect(fields(951_782_400) == [2000, 2, 29, 0, 0, 0, 3])
    #expect(fields(1_709_251_199) == [2024, 2, 29, 23, 59, 59, 5])
    #expect(fields(4_107_542_400) == [2100, 3, 1, 0, 0, 0, 2])
    #expect(fields(CalendarTime.lastSecond) == [9999, 12, 31, 23, 59, 59, 6])
    #expect(fields(.max) == fields(CalendarTime.lastSecond))
  }

  @Test func everyDayConvertsBackAndFollowsTheOneBefore() {
    var before = CalendarTime(secondsSinceEpoch: 0)
    for day in 1..<200_000 as Range<UInt64> {
      let time = CalendarTime(secondsSinceEpoch: day * 86_400)
      if time.secondsSinceEpoch != day * 86_400 { Issue.record("day \(day)") }
      let isNext = time.day == before.day + 1 && time.month == before.month
      let isFirst = time.day == 1 && (time.month == before.month + 1 || time.month == 1)
      if !isNext && !isFirst { Issue.record("day \(day)") }
      before = time
    }
  }

  @Test func fieldsOutOfRangeGiveSomeTime() {
    var time = CalendarTime(secondsSinceEpoch: 0)
    time.month = 0
    time.day = 0
    time.year = 0
    #expect(time.secondsSinceEpoch == 0)
    time.month = 255
    time.day = 255
    time.hour = 255
    time.minute = 255
    time.second = 255
    time.year = .max
    #expect(time.secondsSinceEpoch == CalendarTime.lastSecond)
    time = CalendarTime(secondsSinceEpoch: 1_700_000_000)
    time.month = 2
    time.day = 31
    #expect(CalendarTime(secondsSinceEpoch: time.secondsSinceEpoch).month == 3)
  }
}

struct RTCTests {
  /// 2024-02-29 23:59:58 UTC, a Thursday.
  private let leapEve: UInt64 = 1_709_251_198

  @Test func showsTheTimeInBCDAndFollowsTheTSC() {
    var rtc = clock(leapEve, now: 1000)
    #expect(rtc.time(at: 1000) == [0x58, 0x59, 0x23, 0x05, 0x29, 0x02, 0x24, 0x20])
    #expect(rtc.time(at: 1000 + 2 * hertz - 1)[0] == 0x59)
    #expect(rtc.time(at: 1000 + 2 * hertz) == [0x00, 0x00, 0x00, 0x06, 0x01, 0x03, 0x24, 0x20])
  }

  @Test func linuxFindsAValidClockIn24HourBCDMode() {
    var rtc = clock(leapEve)
    #expect(rtc.read(0x0D, at: 0) == 0x80)
    #expect(rtc.read(0x0B, at: 0) == 0x02)
    #expect(rtc.read(0x0A, at: 0) == 0x26)
  }

  @Test func binaryAndTwelveHourFormats() {
    var rtc = clock(leapEve)
    rtc.write(0x0B, 0x06, at: 0)
    #expect(rtc.time(at: 0) == [58, 59, 23, 5, 29, 2, 24, 20])
    rtc.write(0x0B, 0x04, at: 0)
    #expect(rtc.read(4, at: 0) == 0x80 | 11)
    #expect(rtc.read(4, at: 2 * hertz) == 12)  // midnight
    rtc.write(0x0B, 0x00, at: 0)
    #expect(rtc.read(4, at: 0) == 0x91)
    rtc.write(4, 0x92, at: 0)  // noon
    rtc.write(0x0B, 0x02, at: 0)
    #expect(rtc.read(4, at: 0) == 0x12)
  }

  @Test func updateInProgressShowsOncePerSecondAndNeverSticks() {
    var rtc = clock(leapEve)
    var set = 0
    for tick in stride(from: 0, to: 3 * hertz, by: 1000) {
      if rtc.read(0x0A, at: tick) & 0x80 != 0 { set += 1 }
    }
    #expect(set == 3 * 2)
    #expect(rtc.read(0x0A, at: hertz - 2440) & 0x80 != 0)
    #expect(rtc.read(0x0A, at: hertz - 2441) & 0x80 == 0)
    #expect(rtc.read(0x0A, at: hertz) & 0x80 == 0)
    rtc.write(0x0A, 0xF6, at: 0)
    #expect(rtc.read(0x0A, at: hertz - 1) == 0x76)
  }

  /// Linux's mc146818_set_time().
  @Test func timeWrittenUnderSetTakesEffectAtOnceWhenSetGoesOff() {
    var rtc = clock(leapEve)
    rtc.write(0x0B, 0x82, at: 0)
    rtc.write(0x0A, 0x66, at: 0)
    for (register, value) in [
      (9, 0x31), (8, 0x12), (7, 0x31), (4, 0x23), (2, 0x59), (0, 0x57), (0x32, 0x20),
    ] as [(UInt8, UInt8)] { rtc.write(register, value, at: 5 * hertz) }
    #expect(rtc.time(at: 9 * hertz) == [0x57, 0x59, 0x23, 0x04, 0x31, 0x12, 0x31, 0x20])
    rtc.write(0x0B, 0x02, at: 10 * hertz + 77)
    rtc.write(0x0A, 0x26, at: 10 * hertz + 77)
    #expect(rtc.time(at: 11 * hertz + 76)[0] == 0x57)
    #expect(rtc.time(at: 13 * hertz + 77) == [0x00, 0x00, 0x00, 0x05, 0x01, 0x01, 0x32, 0x20])
  }

  @Test func aWriteWithoutSetTakesEffectByItself() {
    var rtc = clock(leapEve)
    rtc.write(2, 0x30, at: 0)
    #expect(rtc.time(at: 0)[1] == 0x30)
    #expect(rtc.time(at: 2 * hertz)[1] == 0x31)
  }

  @Test func memoryKeepsBytesAndReadOnlyRegistersDoNot() {
    var rtc = clock(0)
    for register in UInt8(0x0E)...0x7F where register != 0x32 { rtc.write(register, register ^ 0xA5, at: 0) }
    for register in UInt8(0x0E)...0x7F where register != 0x32 {
      #expect(rtc.read(register | 0x80, at: 0) == register ^ 0xA5)
    }
    rtc.write(0x0C, 0xFF, at: 0)
    rtc.write(0x0D, 0, at: 0)
    #expect(rtc.read(0x0C, at: 0) == 0)
    #expect(rtc.read(0x0D, at: 0) == 0x80)
    #expect(rtc.read(0, now: 0) == 0xFF)
  }

  @Test func updateEndedInterruptsOnceASecondUntilRead() {
    var rtc = clock(leapEve)
    #expect(rtc.nextEvent == nil)
    _ = rtc.read(0x0C, at: 0)
    rtc.write(0x0B, 0x12, at: 100)
    #expect(rtc.nextEvent == hertz)
    rtc.advance(now: hertz - 1)
    #expect(!rtc.isInterruptAsserted)
    rtc.advance(now: hertz)
    #expect(rtc.isInterruptAsserted)
    #expect(rtc.nextEvent == nil)
    #expect(rtc.read(0x0C, at: hertz + 5) == 0x90)
    #expect(!rtc.isInterruptAsserted)
    #expect(rtc.nextEvent == 2 * hertz)
  }

  @Test func setTurnsTheUpdateEndedInterruptOff() {
    var rtc = clock(leapEve)
    rtc.write(0x0B, 0xB2, at: 0)
    #expect(rtc.read(0x0B, at: 0) == 0xA2)
    #expect(rtc.nextEvent == nil)
  }

  @Test func anAlarmMatchesItsTimeOrAnyTime() {
    var rtc = clock(leapEve)
    rtc.write(5, 0x00, at: 0)
    rtc.write(3, 0xFF, at: 0)
    rtc.write(1, 0x03, at: 0)
    rtc.write(0x0B, 0x22, at: 0)
    for second in 1...4 as ClosedRange<UInt64> {
      #expect(rtc.nextEvent == second * hertz)
      rtc.advance(now: second * hertz)
      #expect(!rtc.isInterruptAsserted)
    }
    rtc.advance(now: 5 * hertz)
    #expect(rtc.isInterruptAsserted)
    #expect(rtc.read(0x0C, at: 5 * hertz) == 0xB0)
  }

  @Test func aLateAdvanceStillFindsTheAlarm() {
    var rtc = clock(leapEve)
    rtc.write(5, 0x00, at: 0)
    rtc.write(3, 0x00, at: 0)
    rtc.write(1, 0x03, at: 0)
    rtc.write(0x0B, 0x22, at: 0)
    rtc.advance(now: 30 * hertz)
    #expect(rtc.isInterruptAsserted)
  }

  @Test func extremesDoNotTrap() {
    var rtc = clock(.max, now: .max)
    rtc.write(0x0B, 0x32, at: .max)
    _ = rtc.nextEvent
    rtc.advance(now: 0)
    #expect(rtc.time(at: 0) == [0x59, 0x59, 0x23, 0x06, 0x31, 0x12, 0x99, 0x99])
    rtc = clock(0, now: 0)
    rtc.write(0x0B, 0x32, at: 0)
    rtc.advance(now: .max)
    _ = rtc.nextEvent
    #expect(rtc.isInterruptAsserted)
  }

  @Test func randomAccessesNeverTrap() {
    var random = SeededGenerator(seed: 4)
    var rtc = clock(1_700_000_000)
    var now: UInt64 = 0
    for step in 0..<100_000 {
      now = step % 1000 == 999 ? random.anyMagnitude() : now &+ random.next() % (2 * hertz)
      let value = UInt8(truncatingIfNeeded: random.anyMagnitude())
      switch random.next() % 5 {
      case 0, 1: rtc.write(UInt8(truncatingIfNeeded: random.next() % 0x34), value, at: now)
      case 2, 3: _ = rtc.read(UInt8(truncatingIfNeeded: random.next() % 0x34), at: now)
      default: rtc.advance(now: now)
      }
      _ = rtc.nextEvent
    }
  }
}
