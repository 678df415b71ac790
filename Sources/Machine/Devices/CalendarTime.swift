/// A moment as a clock with a calendar shows it: UTC, Gregorian, 24 hours.
struct CalendarTime: Equatable, Sendable {
  var second: UInt8
  var minute: UInt8
  var hour: UInt8
  /// 1…31
  var day: UInt8
  /// 1…12
  var month: UInt8
  /// 1970…9999
  var year: UInt16

  /// The last second of the year 9999.
  static let lastSecond: UInt64 = 253_402_300_799

  private static let secondsPerDay: UInt64 = 86_400
  /// From 1 March of the year 0 to 1 January 1970.
  private static let daysBeforeEpoch: UInt64 = 719_468
  private static let daysPerEra: UInt64 = 146_097  // 400 years

  /// The time `seconds` after the start of 1970, at most the end of 9999.
  init(secondsSinceEpoch seconds: UInt64) {
    let seconds = min(seconds, Self.lastSecond)
    let ofDay = seconds % Self.secondsPerDay
    second = UInt8(ofDay % 60)
    minute = UInt8(ofDay / 60 % 60)
    hour = UInt8(ofDay / 3600)

    // Years start in March here, so that the day that comes and goes is a year's last.
    let days = seconds / Self.secondsPerDay + Self.daysBeforeEpoch
    let (era, ofEra) = days.quotientAndRemainder(dividingBy: Self.daysPerEra)
    let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * ofYear + 2) / 153
    day = UInt8(ofYear - (153 * monthFromMarch + 2) / 5 + 1)
    month = UInt8(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
    year = UInt16(era * 400 + yearOfEra + (month <= 2 ? 1 : 0))
  }

  /// Seconds since the start of 1970. A field out of its range counts as the nearest value in it, and a day
  /// that its month lacks as one of the next month.
  var secondsSinceEpoch: UInt64 {
    let month = UInt64(min(max(self.month, 1), 12))
    let day = UInt64(min(max(self.day, 1), 31))
    let year = UInt64(min(max(self.year, 1970), 9999)) - (month <= 2 ? 1 : 0)
    let (era, yearOfEra) = year.quotientAndRemainder(dividingBy: 400)
    let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let ofEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + ofYear
    let days = era * Self.daysPerEra + ofEra - Self.daysBeforeEpoch
    return days * Self.secondsPerDay + UInt64(min(hour, 23)) * 3600 + UInt64(min(minute, 59)) * 60
      + UInt64(min(second, 59))
  }

  /// 1 is Sunday; the epoch was a Thursday.
  var weekday: UInt8 { UInt8((secondsSinceEpoch / Self.secondsPerDay + 4) % 7) + 1 }
}
