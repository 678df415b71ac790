import CPU
import Firmware

/// The TSC as this node's clock: constant rate, from boot on.
struct Clock {
  /// TSC ticks a second.
  private(set) var frequency: UInt64 = 1_000_000_000
  private(set) var bootTime: UInt64 = 0
  /// Nanoseconds of a tick, in units of 2⁻³².
  private var tickLength: UInt64 = 1 << 32

  /// How the frequency was found, for the log.
  enum Source {
    case crystal, pmTimer, pit

    var name: StaticString {
      switch self {
      case .crystal: "CPUID 15H"
      case .pmTimer: "the ACPI PM timer"
      case .pit: "the PIT"
      }
    }
  }

  mutating func start() { bootTime = readTSC() }

  /// Finds the TSC's frequency: CPUID where it says, else measured against the PM timer, else the PIT.
  mutating func calibrate(pmTimer: FADT.PMTimer?) -> Source {
    let source = findFrequency(pmTimer)
    tickLength = Self.scale(1_000_000_000, by: 1 << 32, over: frequency)
    return source
  }

  private mutating func findFrequency(_ pmTimer: FADT.PMTimer?) -> Source {
    if let crystal = Self.crystalFrequency() {
      frequency = crystal
      return .crystal
    }
    if let pmTimer, case .port(let port) = pmTimer.register, let measured = Self.measure(pmTimerPort: port) {
      frequency = measured
      return .pmTimer
    }
    frequency = Self.measureByPIT()
    return .pit
  }

  var microsecondsSinceBoot: UInt64 { microseconds(readTSC() &- bootTime) }

  /// Nanoseconds from boot to when the TSC was `time`: without a division, for the path that every frame takes.
  @inline(__always)
  func nanosecondsSinceBoot(at time: UInt64) -> UInt64 {
    let product = (time &- bootTime).multipliedFullWidth(by: tickLength)
    return product.high << 32 | product.low >> 32
  }

  /// What the TSC is so many nanoseconds after boot, by the same factor: a timer that is set to it must not go off before the
  /// clock says so.
  func time(nanosecondsSinceBoot: UInt64) -> UInt64 {
    bootTime &+ Self.scale(nanosecondsSinceBoot, by: 1 << 32, over: tickLength) &+ 1
  }

  func microseconds(_ ticks: UInt64) -> UInt64 { Self.scale(ticks, by: 1_000_000, over: frequency) }
  func ticks(microseconds: UInt64) -> UInt64 { Self.scale(microseconds, by: frequency, over: 1_000_000) }

  /// Lets so many microseconds go by.
  func spin(microseconds: UInt64) {
    let end = readTSC() &+ ticks(microseconds: microseconds)
    while readTSC() < end { pause() }
  }

  /// value · numerator / denominator without overflow on the way; the result saturates.
  static func scale(_ value: UInt64, by numerator: UInt64, over denominator: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: numerator)
    guard product.high < denominator else { return .max }
    return denominator.dividingFullWidth(product).quotient
  }

  /// TSC frequency from the crystal's, where CPUID gives both (SDM Vol. 3B, 19.7.3).
  private static func crystalFrequency() -> UInt64? {
    guard cpuid(0, 0).eax >= 0x15 else { return nil }
    let leaf = cpuid(0x15, 0)
    guard leaf.eax != 0, leaf.ebx != 0, leaf.ecx != 0 else { return nil }
    return UInt64(leaf.ecx) * UInt64(leaf.ebx) / UInt64(leaf.eax)
  }

  /// The PM timer counts at 3.579545 MHz (ACPI 6.5, 4.8.2.1); 24 bits of it are always there. Nil where it stands
  /// still.
  private static func measure(pmTimerPort port: UInt16) -> UInt64? {
    let rate: UInt64 = 3_579_545
    let span: UInt32 = UInt32(rate / 20)
    var polls = 0
    let start = sample(pmTimerPort: port)
    while (readPort32(port) &- start.count) & 0xFF_FFFF < span {
      polls += 1
      // 10⁷ port reads take seconds on any machine.
      guard polls < 10_000_000 else { return nil }
    }
    let end = sample(pmTimerPort: port)
    return scale(end.time &- start.time, by: rate, over: UInt64((end.count &- start.count) & 0xFF_FFFF))
  }

  /// The PM timer, and the TSC when it was read: the quickest of some reads. An emulator's process, or SMM, may take
  /// the core away in the middle of any of them.
  private static func sample(pmTimerPort port: UInt16) -> (count: UInt32, time: UInt64) {
    var best: (count: UInt32, time: UInt64) = (0, 0)
    var shortest = UInt64.max
    for _ in 0..<16 {
      let before = readTSC()
      let count = readPort32(port)
      let after = readTSC()
      guard after &- before < shortest else { continue }
      shortest = after &- before
      best = (count, before &+ shortest / 2)
    }
    return best
  }

  /// Counts channel 2 of the PIT down once from 65,536 at 1.193182 MHz (Intel 8254, mode 0), gated by port 61H.
  private static func measureByPIT() -> UInt64 {
    let gate = readPort8(0x61)
    writePort8(0x61, gate & ~0x02 | 0x01)
    writePort8(0x43, 0xB0)
    writePort8(0x42, 0xFF)
    writePort8(0x42, 0xFF)
    let start = readTSC()
    while readPort8(0x61) & 0x20 == 0 {}
    let elapsed = readTSC() &- start
    writePort8(0x61, gate)
    return scale(elapsed, by: 1_193_182, over: 65_536)
  }
}
