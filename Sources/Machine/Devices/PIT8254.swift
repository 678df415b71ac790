/// The PC's interval timer (Intel 8254, "Programmable Interval Timer", order number 231164) and port 61H,
/// which belongs to it: there the gate of counter 2 is set and its output seen.
///
/// Its clock of 1.193182 MHz is the TSC seen through another rate, as the PM timer's is. Counter 0 is wired to
/// an input of the I/O APIC, and its rises are what an edge-triggered input makes interrupts of; counter 1,
/// which once refreshed the memory, to nothing; counter 2 to port 61H and to a speaker that is not there.
///
/// `nextEvent` says when `advance` is due for counter 0's next rise. A rate above 10 kHz is not followed rise
/// by rise, lest the host do nothing else: rises that fall together make one interrupt, as they do on a PC
/// where the first is not served yet.
struct PIT8254: Sendable {
  static let hertz: UInt64 = 1_193_182

  private static let controlPort: UInt8 = 3
  /// Clocks between two requests to refresh the memory of a PC, 15.1 µs; each flips a bit of port 61H.
  private static let clocksPerRefresh: UInt64 = 18
  /// 100 µs.
  private static let leastClocksBetweenEvents: UInt64 = 119

  /// Port 61H (Intel ICH, "NMI Status and Control"). The two error bits above these are never set.
  private struct SystemControl: OptionSet {
    let rawValue: UInt8
    static let gate2 = Self(rawValue: 1 << 0)
    static let refresh = Self(rawValue: 1 << 4)
    static let output2 = Self(rawValue: 1 << 5)
    /// Gate, speaker data, and two that would turn error checks off.
    static let writable = Self(rawValue: 0xF)
  }

  private let frequency: TSCFrequency
  /// The clocks up to which the counters have advanced.
  private var clock: UInt64 = 0
  private var counters: InlineArray<3, PITCounter>
  private var systemControl: SystemControl = []

  init(frequency: TSCFrequency) {
    self.frequency = frequency
    counters = InlineArray(repeating: PITCounter(gate: true))
    counters[2].setGate(false)
  }

  /// Whether counter 0's output is high.
  var isInterruptAsserted: Bool { counters[0].output }

  /// Whether counter 0's output has risen since this was asked last.
  mutating func takeInterruptEdge() -> Bool { counters[0].takeRise() }

  /// The tick at which `advance` will find that counter 0's output has risen, or nil where it will not.
  var nextEvent: UInt64? {
    guard var clocks = counters[0].clocksToRise else { return nil }
    if counters[0].isPeriodic { clocks = max(clocks, Self.leastClocksBetweenEvents) }
    return tick(of: clock &+ clocks)
  }

  /// Lets the clocks up to tick `now` pass.
  mutating func advance(now: UInt64) {
    let clocks = clocks(now: now)
    guard clocks > clock else { return }
    for index in 0..<3 { counters[index].advance(by: clocks - clock) }
    clock = clocks
  }

  /// Reads port 40H + `port`. The control port is not for reading.
  mutating func read(_ port: UInt8, now: UInt64) -> UInt8 {
    guard port < Self.controlPort else { return 0xFF }
    advance(now: now)
    return counters[Int(port)].read()
  }

  /// Writes port 40H + `port`: a counter, or the control port.
  mutating func write(_ port: UInt8, _ value: UInt8, now: UInt64) {
    advance(now: now)
    guard port >= Self.controlPort else { return counters[Int(port)].write(value) }
    let counter = Int(value >> 6)
    if counter == 3 {
      readBack(value)
    } else if value >> 4 & 3 == 0 {
      counters[counter].latchCount()
    } else {
      counters[counter].program(value)
    }
  }

  mutating func readSystemControl(now: UInt64) -> UInt8 {
    advance(now: now)
    var value = systemControl
    if clock / Self.clocksPerRefresh & 1 != 0 { value.insert(.refresh) }
    if counters[2].output { value.insert(.output2) }
    return value.rawValue
  }

  mutating func writeSystemControl(_ value: UInt8, now: UInt64) {
    advance(now: now)
    systemControl = SystemControl(rawValue: value).intersection(.writable)
    counters[2].setGate(systemControl.contains(.gate2))
  }

  /// Latches count (bit 5 clear) and status (bit 4 clear) of the counters that bits 1–3 name.
  private mutating func readBack(_ command: UInt8) {
    for index in 0..<3 where command >> UInt8(index + 1) & 1 != 0 {
      if command & 1 << 5 == 0 { counters[index].latchCount() }
      if command & 1 << 4 == 0 { counters[index].latchStatus() }
    }
  }

  /// No step overflows: the rest of a second is below 2⁴⁰ ticks, the rate below 2²¹.
  private func clocks(now: UInt64) -> UInt64 {
    let (seconds, rest) = now.quotientAndRemainder(dividingBy: frequency.hertz)
    return seconds &* Self.hertz &+ rest * Self.hertz / frequency.hertz
  }

  /// The first tick at which `clocks` have passed, or nil beyond the counter's end.
  private func tick(of clocks: UInt64) -> UInt64? {
    let (seconds, rest) = clocks.quotientAndRemainder(dividingBy: Self.hertz)
    let (start, overflow) = seconds.multipliedReportingOverflow(by: frequency.hertz)
    let (tick, overflow2) = start.addingReportingOverflow(
      (rest * frequency.hertz + Self.hertz - 1) / Self.hertz)
    return overflow || overflow2 ? nil : tick
  }
}
