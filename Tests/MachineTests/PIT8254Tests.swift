import Support
import Testing

@testable import Machine

/// A tick is a thousandth of the PIT's clock.
private let ticksPerClock: UInt64 = 1000
private let frequency = TSCFrequency(hertz: PIT8254.hertz * ticksPerClock)!

/// A PIT with a hand on its clock.
private struct Bench {
  var pit = PIT8254(frequency: frequency)
  var clock: UInt64 = 0

  private var now: UInt64 { clock * ticksPerClock }

  mutating func read(_ port: UInt8) -> UInt8 { pit.read(port, now: now) }
  mutating func write(_ port: UInt8, _ values: UInt8...) {
    for value in values { pit.write(port, value, now: now) }
  }
  var control: UInt8 {
    mutating get { pit.readSystemControl(now: now) }
    set { pit.writeSystemControl(newValue, now: now) }
  }

  mutating func readCount(_ counter: UInt8) -> UInt16 { UInt16(read(counter)) | UInt16(read(counter)) << 8 }

  mutating func readCounts(_ counters: Range<UInt8>) -> [UInt16] { counters.map { readCount($0) } }

  mutating func advance(to clock: UInt64) {
    self.clock = clock
    pit.advance(now: now)
  }
}

struct PIT8254Tests {
  @Test func itsClockIsTheTSCSeenThroughAnotherRate() {
    for hertz: UInt64 in [10_000, 1_000_000, 1_193_182, 2_605_646_156, 1_000_000_000_000] {
      var pit = PIT8254(frequency: TSCFrequency(hertz: hertz)!)
      pit.write(3, 0xB0, now: 0)
      pit.writeSystemControl(1, now: 0)
      // A count of 65,536, loaded with the first clock, for three years or what the TSC lasts.
      for value: UInt8 in [0, 0] { pit.write(2, value, now: 0) }
      let seconds = min(100_000_000, .max / hertz - 1)
      let now = seconds * hertz + hertz / 2
      pit.write(3, 0x80, now: now)
      let count = UInt16(pit.read(2, now: now)) | UInt16(pit.read(2, now: now)) << 8
      let clocks = seconds * PIT8254.hertz + PIT8254.hertz / 2 - 1
      #expect(count == UInt16(truncatingIfNeeded: 0 &- clocks), "\(hertz)")
    }
  }

  @Test func timeThatSeemsToGoBackStandsStill() {
    var bench = Bench()
    bench.write(3, 0x34)
    bench.write(0, 0, 0x10)
    bench.advance(to: 101)
    bench.clock = 50
    #expect(bench.readCount(0) == 0x1000 - 100)
    bench.clock = 102
    #expect(bench.readCount(0) == 0x1000 - 101)
  }

  @Test func theControlPortReadsAsAbsent() {
    var bench = Bench()
    #expect(bench.read(3) == 0xFF)
  }

  @Test func countersAreSeparate() {
    var bench = Bench()
    bench.control = 1
    for (counter, count) in [(0, 0x10), (1, 0x20), (2, 0x30)] as [(UInt8, UInt8)] {
      bench.write(3, counter << 6 | 0x30)
      bench.write(counter, 0, count)
    }
    bench.clock = 2
    #expect(bench.readCounts(0..<3) == [0xFFF, 0x1FFF, 0x2FFF])
    bench.write(3, 0x40)
    bench.clock = 3
    #expect(bench.readCounts(0..<3) == [0xFFE, 0x1FFF, 0x2FFE])
  }

  @Test func readBackLatchesCountAndStatusOfTheCountersThatItNames() {
    var bench = Bench()
    for counter: UInt8 in 0..<2 {
      bench.write(3, counter << 6 | 0x34)
      bench.write(counter, 0, 0x10)
    }
    bench.clock = 1
    bench.write(3, 0xC0 | 0b0110)  // count and status of 0 and 1
    bench.clock = 5
    for counter: UInt8 in 0..<2 {
      #expect(bench.read(counter) == 0xB4)
      #expect(bench.readCount(counter) == 0x1000)
      #expect(bench.readCount(counter) == 0xFFC)
    }
    bench.write(3, 0xE0 | 0b0010)  // status of 0
    #expect(bench.read(0) == 0xB4)
    #expect(bench.readCounts(0..<2) == [0xFFC, 0xFFC])
    bench.write(3, 0xD0 | 0b0100)  // count of 1
    bench.clock = 7
    #expect(bench.readCounts(0..<2) == [0xFFA, 0xFFC])
    bench.write(3, 0xF0 | 0b1110)  // nothing of any
    bench.clock = 8
    #expect(bench.readCounts(0..<2) == [0xFF9, 0xFF9])
  }

  @Test func port61HHoldsTheGateAndShowsTheOutputOfCounter2() {
    var bench = Bench()
    #expect(bench.control & 0xEF == 0)
    bench.write(3, 0xB0)
    bench.write(2, 4, 0)
    bench.clock = 10
    #expect(bench.readCount(2) == 4)
    bench.control = 0xFF
    #expect(bench.control & 0xEF == 0x0F)
    bench.clock = 13
    #expect(bench.control & 0x20 == 0)
    bench.clock = 14
    #expect(bench.control & 0x20 != 0)
    bench.control = 0
    #expect(bench.control & 0xEF == 0x20)
    bench.write(2, 4)
    #expect(bench.control & 0x20 == 0)
  }

  @Test func theRefreshBitFlipsEvery15Microseconds() {
    var bench = Bench()
    var flips: [UInt64] = []
    var last = bench.control & 0x10
    for clock in 1...180 as ClosedRange<UInt64> {
      bench.clock = clock
      let bit = bench.control & 0x10
      if bit != last { flips.append(clock) }
      last = bit
    }
    #expect(flips == (1...10).map { $0 * 18 })
  }

  @Test func itsEventsAreCounter0sRises() {
    var bench = Bench()
    #expect(bench.pit.nextEvent == nil)
    bench.write(3, 0x34)
    _ = bench.pit.takeInterruptEdge()
    #expect(bench.pit.nextEvent == nil)
    bench.write(0, 0xA9, 0x04)  // 1193
    #expect(bench.pit.nextEvent == 1194 * ticksPerClock)
    bench.advance(to: 1193)
    #expect(bench.pit.takeInterruptEdge() == false)
    #expect(!bench.pit.isInterruptAsserted)
    bench.advance(to: 1194)
    #expect(bench.pit.takeInterruptEdge() == true)
    #expect(bench.pit.isInterruptAsserted)
    #expect(bench.pit.takeInterruptEdge() == false)
    #expect(bench.pit.nextEvent == (1194 + 1193) * ticksPerClock)
    bench.advance(to: 1194 + 5 * 1193)
    #expect(bench.pit.takeInterruptEdge() == true)
    bench.write(3, 0x30)
    #expect(bench.pit.nextEvent == nil)
    bench.write(0, 3, 0)
    #expect(bench.pit.nextEvent == (1194 + 5 * 1193 + 4) * ticksPerClock)
    bench.advance(to: 10_000)
    #expect(bench.pit.takeInterruptEdge() == true)
    #expect(bench.pit.nextEvent == nil)
  }

  @Test func aRateThatNoHostCanFollowHasEventsEvery100Microseconds() {
    var bench = Bench()
    bench.write(3, 0x34)
    bench.write(0, 2, 0)
    bench.advance(to: 1000)
    #expect(bench.pit.takeInterruptEdge() == true)
    #expect(bench.pit.nextEvent == 1119 * ticksPerClock)
  }

  @Test func anEventIsDueWhenItHappensAtAnyRate() {
    var random = SeededGenerator(seed: 61)
    for _ in 0..<20_000 {
      let hertz = 10_000 + random.next() % (1 << (random.next() % 39 + 1))
      var pit = PIT8254(frequency: TSCFrequency(hertz: hertz)!)
      var now = random.next() % (hertz * 1000)
      pit.write(3, 0x30, now: now)
      for _ in 0..<2 { pit.write(0, UInt8(truncatingIfNeeded: random.next()), now: now) }
      let event = pit.nextEvent!
      if event > now {
        now = event - 1
        pit.advance(now: now)
        #expect(pit.takeInterruptEdge() == false, "\(hertz)")
      }
      pit.advance(now: event)
      #expect(pit.takeInterruptEdge() == true, "\(hertz)")
    }
  }

  @Test func randomAccessesNeverTrap() {
    var random = SeededGenerator(seed: 8254)
    for hertz: UInt64 in [10_000, 2_605_646_156, 1_000_000_000_000] {
      var pit = PIT8254(frequency: TSCFrequency(hertz: hertz)!)
      var now: UInt64 = 0
      for _ in 0..<50_000 {
        now = random.next() % 50 == 0 ? random.anyMagnitude() : now &+ random.next() % (hertz / 1000)
        let value = UInt8(truncatingIfNeeded: random.next())
        switch random.next() % 5 {
        case 0, 1: pit.write(UInt8(random.next() % 5), value, now: now)
        case 2: _ = pit.read(UInt8(random.next() % 5), now: now)
        case 3: pit.writeSystemControl(value, now: now)
        default: #expect(pit.readSystemControl(now: now) & 0xC0 == 0)
        }
        _ = pit.takeInterruptEdge()
        if let event = pit.nextEvent { pit.advance(now: event) }
      }
    }
  }
}
