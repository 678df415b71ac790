import CPU

/// The PC's battery-backed clock (MC146818, ports 70H and 71H), read once to set the guest's.
enum HostClock {
  /// Seconds since the start of 1970, taking the clock to show UTC.
  static func secondsSinceEpoch() -> UInt64 {
    var first = read()
    // Two equal readings: none of them fell into an update.
    for _ in 0..<1000 {
      let second = read()
      if first == second { break }
      first = second
    }
    return first.secondsSinceEpoch
  }

  private struct Reading: Equatable {
    var second: UInt64
    var minute: UInt64
    var hour: UInt64
    var day: UInt64
    var month: UInt64
    var year: UInt64

    /// Days from civil date: years that begin in March put the leap day last.
    var secondsSinceEpoch: UInt64 {
      let shifted = month > 2 ? year : year - 1
      let monthFromMarch = (month + 9) % 12
      let days =
        365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
      return ((days - 719_468) * 24 + hour) * 3600 + minute * 60 + second
    }
  }

  private static func register(_ index: UInt8) -> UInt8 {
    writePort8(0x70, index)
    return readPort8(0x71)
  }

  private static func read() -> Reading {
    let format = register(0x0B)
    let isBinary = format & 0x04 != 0
    func number(_ value: UInt8) -> UInt64 {
      isBinary ? UInt64(value) : UInt64(value >> 4) * 10 + UInt64(value & 0xF)
    }
    let rawHour = register(0x04)
    var hour = number(rawHour & 0x7F)
    if format & 0x02 == 0 {
      hour = hour % 12 + (rawHour & 0x80 != 0 ? 12 : 0)
    }
    return Reading(
      second: min(number(register(0x00)), 59), minute: min(number(register(0x02)), 59), hour: min(hour, 23),
      day: min(max(number(register(0x07)), 1), 31), month: min(max(number(register(0x08)), 1), 12),
      year: 2000 + min(number(register(0x09)), 99))
  }
}
