import Testing

@testable import Machine

/// A processor that reads and writes the PIT's ports as Linux 6.1 does to find its TSC's rate
/// (arch/x86/kernel/tsc.c). An access takes `accessMicroseconds`, and the device is looked at halfway; all else
/// takes 20 ticks.
private struct CalibratingProcessor {
  let hertz: UInt64
  let accessMicroseconds: Double
  private var pit: PIT8254
  private var tsc: UInt64
  private(set) var reads = 0

  init(hertz: UInt64, accessMicroseconds: Double) {
    self.hertz = hertz
    self.accessMicroseconds = accessMicroseconds
    pit = PIT8254(frequency: TSCFrequency(hertz: hertz)!)
    tsc = 7 * hertz / 3
  }

  private var halfAccess: UInt64 { UInt64(accessMicroseconds * Double(hertz) / 2e6) }

  private mutating func read(_ port: UInt16) -> UInt8 {
    tsc += halfAccess
    defer { tsc += halfAccess }
    reads += 1
    return port == 0x61 ? pit.readSystemControl(now: tsc) : pit.read(UInt8(port - 0x40), now: tsc)
  }

  private mutating func write(_ port: UInt16, _ value: UInt8) {
    tsc += halfAccess
    defer { tsc += halfAccess }
    if port == 0x61 {
      pit.writeSystemControl(value, now: tsc)
    } else {
      pit.write(UInt8(port - 0x40), value, now: tsc)
    }
  }

  private mutating func readTSC() -> UInt64 {
    tsc += 20
    return tsc
  }

  /// Opens counter 2's gate and starts it in mode 0.
  private mutating func start(count: UInt16) {
    write(0x61, read(0x61) & ~2 | 1)
    write(0x43, 0xB0)
    write(0x42, UInt8(truncatingIfNeeded: count))
    write(0x42, UInt8(count >> 8))
  }

  /// `quick_pit_calibrate`: waits for the count's high byte to change until the moments of two changes are known
  /// to 1/2048 of what lies between them, for 50 ms at most. In kHz; nil where it gives up.
  mutating func calibrateQuickly() -> UInt64? {
    let iterations = 50 * PIT8254.hertz / 1000 / 256
    start(count: 0xFFFF)
    _ = highByteIs(0)
    guard let first = waitWhileHighByte(is: 0xFF) else { return nil }
    for index in 1...iterations {
      guard let next = waitWhileHighByte(is: UInt8(0xFF - index)) else { return nil }
      let passed = next.moment - first.moment
      let error = first.error + next.error
      if index == 1 && error >= (passed * iterations) >> 11 { return nil }
      if error >= passed >> 11 { continue }
      guard highByteIs(UInt8(0xFE - index)) else { return nil }
      return passed * PIT8254.hertz / (index * 256 * 1000)
    }
    return nil
  }

  private mutating func highByteIs(_ value: UInt8) -> Bool {
    _ = read(0x42)
    return read(0x42) == value
  }

  /// When the high byte was `value` for the last time, and how far that may be from its change.
  private mutating func waitWhileHighByte(is value: UInt8) -> (moment: UInt64, error: UInt64)? {
    var count = 0
    var (last, before) = (0 as UInt64, 0 as UInt64)
    while count < 50_000, highByteIs(value) {
      before = last
      last = readTSC()
      count += 1
    }
    let error = readTSC() - before
    return count > 5 ? (last, error) : nil
  }

  /// `pit_calibrate_tsc`: polls counter 2's output for `milliseconds`. In kHz; nil where there were fewer than
  /// `leastReads`, or one took ten times as long as another.
  mutating func calibrate(milliseconds: UInt64, leastReads: Int) -> UInt64? {
    start(count: UInt16(PIT8254.hertz / (1000 / milliseconds)))
    let first = readTSC()
    var (last, count) = (first, 0)
    var (shortest, longest) = (UInt64.max, 0 as UInt64)
    while read(0x61) & 0x20 == 0 {
      let now = readTSC()
      shortest = min(shortest, now - last)
      longest = max(longest, now - last)
      last = now
      count += 1
    }
    return count < leastReads || longest > 10 * shortest ? nil : (last - first) / milliseconds
  }
}

private let rates: [UInt64] = [1_000_000_000, 2_605_646_156, 4_999_999_999]

private func expectClose(_ kilohertz: UInt64?, to hertz: UInt64) throws {
  let measured = Double(try #require(kilohertz)) * 1000
  #expect(abs(measured / Double(hertz) - 1) < 500e-6, "\(measured) for \(hertz)")
}

/// What Linux makes of the PIT.
struct LinuxTSCCalibrationTests {
  @Test(arguments: rates) func theQuickCalibrationFindsTheRateWhereAReadTakesAMicrosecond(hertz: UInt64)
    throws
  {
    var processor = CalibratingProcessor(hertz: hertz, accessMicroseconds: 1)
    try expectClose(processor.calibrateQuickly(), to: hertz)
  }

  /// As in an emulator: what must not happen is that it tries for long.
  @Test(arguments: [10, 15, 20] as [Double])
  func theQuickCalibrationGivesUpSoonWhereAReadIsSlow(microseconds: Double) {
    var processor = CalibratingProcessor(hertz: 2_605_646_156, accessMicroseconds: microseconds)
    #expect(processor.calibrateQuickly() == nil)
    #expect(processor.reads < 200)
  }

  /// Whatever a read takes, it is over after its 50 ms and the time to see the last change.
  @Test func theQuickCalibrationIsNeverLongAndNeverWrong() throws {
    var successes: [Int] = []
    for tenths in 1...300 {
      let microseconds = Double(tenths) / 10
      var processor = CalibratingProcessor(hertz: 1_000_000_000, accessMicroseconds: microseconds)
      if let kilohertz = processor.calibrateQuickly() {
        try expectClose(kilohertz, to: 1_000_000_000)
        successes.append(tenths)
      }
      #expect(Double(processor.reads) * microseconds < 51_000)
    }
    #expect(successes == Array(1...successes.count) && successes.count > 10)
  }

  @Test(arguments: rates) func theLongerCalibrationFindsTheRate(hertz: UInt64) throws {
    var processor = CalibratingProcessor(hertz: hertz, accessMicroseconds: 1)
    try expectClose(processor.calibrate(milliseconds: 10, leastReads: 1000), to: hertz)
    try expectClose(processor.calibrate(milliseconds: 50, leastReads: 5000), to: hertz)
  }

  @Test func theLongerCalibrationRefusesItselfWhereAReadIsSlow() {
    var processor = CalibratingProcessor(hertz: 2_605_646_156, accessMicroseconds: 15)
    #expect(processor.calibrate(milliseconds: 10, leastReads: 1000) == nil)
    #expect(processor.calibrate(milliseconds: 50, leastReads: 5000) == nil)
  }
}
