import Support
import Testing

@testable import Machine

/// What a counter shows after each clock.
private struct Sample: Equatable {
  var count: UInt16
  var output: Bool

  init(_ count: UInt16, _ output: Bool) {
    self.count = count
    self.output = output
  }
}

private func high(_ counts: UInt16...) -> [Sample] { counts.map { Sample($0, true) } }
private func low(_ counts: UInt16...) -> [Sample] { counts.map { Sample($0, false) } }

/// A counter in `mode` with two-byte access.
private func counter(mode: UInt8, isDecimal: Bool = false, gate: Bool = true) -> PITCounter {
  var counter = PITCounter(gate: gate)
  counter.program(3 << 4 | mode << 1 | (isDecimal ? 1 : 0))
  return counter
}

extension PITCounter {
  fileprivate mutating func write(count: UInt16) {
    write(UInt8(truncatingIfNeeded: count))
    write(UInt8(count >> 8))
  }

  fileprivate mutating func read(bytes: Int) -> [UInt8] { (0..<bytes).map { _ in read() } }

  fileprivate mutating func readCount() -> UInt16 { UInt16(read()) | UInt16(read()) << 8 }

  fileprivate mutating func readStatus() -> UInt8 {
    latchStatus()
    return read()
  }

  fileprivate mutating func sample() -> Sample { Sample(readCount(), output) }

  /// The samples after each of the next `clocks`.
  fileprivate mutating func run(_ clocks: Int) -> [Sample] {
    (0..<clocks).map { _ in
      advance(by: 1)
      return sample()
    }
  }

  fileprivate mutating func trigger() {
    setGate(false)
    setGate(true)
  }
}

/// The wave forms of the data sheet's figures 15 to 20.
struct PITCounterModeTests {
  @Test func mode0RisesOneClockAfterItsCountAndCountsOn() {
    var counter = counter(mode: 0)
    #expect(!counter.output)
    counter.write(count: 4)
    #expect(!counter.output)
    #expect(counter.run(7) == low(4, 3, 2, 1) + high(0, 0xFFFF, 0xFFFE))
  }

  @Test func mode0StopsWithTheFirstByteOfANewCountAndStartsAnewWithTheSecond() {
    var counter = counter(mode: 0)
    counter.write(count: 2)
    #expect(counter.run(4) == low(2, 1) + high(0, 0xFFFF))
    counter.write(3)
    #expect(counter.run(2) == low(0xFFFF, 0xFFFF))
    counter.write(0)
    #expect(counter.run(5) == low(3, 2, 1) + high(0, 0xFFFF))
  }

  @Test func mode0LoadsWithoutTheGateAndCountsWithIt() {
    var counter = counter(mode: 0, gate: false)
    counter.write(count: 3)
    #expect(counter.run(2) == low(3, 3))
    counter.setGate(true)
    #expect(counter.run(1) == low(2))
    counter.setGate(false)
    #expect(counter.run(2) == low(2, 2))
    counter.setGate(true)
    #expect(counter.run(2) == low(1) + high(0))
    counter.setGate(false)
    #expect(counter.run(1) == high(0))
  }

  @Test func mode1FallsForItsCountAfterEachTrigger() {
    var counter = counter(mode: 1)
    counter.write(count: 3)
    #expect(counter.run(3).map(\.output) == [true, true, true])
    counter.trigger()
    #expect(counter.output)
    #expect(counter.run(5) == low(3, 2, 1) + high(0, 0xFFFF))
    counter.trigger()
    #expect(counter.run(2) == low(3, 2))
    counter.trigger()
    #expect(counter.run(1) == low(3))
    // A count that is written now is for the next trigger, and the gate's level has no effect.
    counter.write(count: 2)
    counter.setGate(false)
    #expect(counter.run(3) == low(2, 1) + high(0))
    counter.setGate(true)
    #expect(counter.run(3) == low(2, 1) + high(0))
  }

  @Test func mode2IsLowForTheLastClockOfEachPeriod() {
    var counter = counter(mode: 2)
    #expect(counter.output)
    counter.write(count: 3)
    #expect(counter.run(7) == high(3, 2) + low(1) + high(3, 2) + low(1) + high(3))
  }

  @Test func mode2TakesANewCountAtTheEndOfThePeriod() {
    var counter = counter(mode: 2)
    counter.write(count: 4)
    #expect(counter.run(2) == high(4, 3))
    counter.write(count: 5)
    counter.write(count: 2)
    #expect(counter.run(5) == high(2) + low(1) + high(2) + low(1) + high(2))
  }

  @Test func mode2StartsAnewWithTheGate() {
    var counter = counter(mode: 2)
    counter.write(count: 3)
    #expect(counter.run(3) == high(3, 2) + low(1))
    counter.setGate(false)
    #expect(counter.output)
    #expect(counter.run(2) == high(1, 1))
    counter.write(count: 2)
    #expect(counter.run(1) == high(1))
    counter.setGate(true)
    #expect(counter.output)
    #expect(counter.run(3) == high(2) + low(1) + high(2))
  }

  @Test func aGateThatFallsKeepsAModeFromTakingItsNewCount() {
    for mode: UInt8 in [2, 3] {
      var counter = counter(mode: mode)
      counter.write(count: 8)
      counter.advance(by: 2)
      counter.write(count: 4)
      counter.setGate(false)
      counter.advance(by: 20)
      #expect(counter.readStatus() >> 6 & 1 == 1)
      counter.setGate(true)
      counter.advance(by: 1)
      #expect(counter.sample() == Sample(4, true))
      #expect(counter.readStatus() >> 6 & 1 == 0)
    }
  }

  @Test func mode3IsASquareWaveOfEvenCounts() {
    var counter = counter(mode: 3)
    #expect(counter.output)
    counter.write(count: 4)
    #expect(counter.run(6) == high(4, 2) + low(4, 2) + high(4, 2))
  }

  @Test func mode3IsHighAClockLongerForOddCounts() {
    var counter = counter(mode: 3)
    counter.write(count: 5)
    #expect(counter.run(8) == high(4, 2, 0) + low(4, 2) + high(4, 2, 0))
  }

  @Test func mode3TakesANewCountAtTheEndOfTheHalf() {
    var counter = counter(mode: 3)
    counter.write(count: 6)
    #expect(counter.run(2) == high(6, 4))
    counter.write(count: 4)
    #expect(counter.run(5) == high(2) + low(4, 2) + high(4, 2))
    #expect(counter.run(1) == low(4))
    counter.write(count: 2)
    #expect(counter.run(4) == low(2) + high(2) + low(2) + high(2))
  }

  @Test func mode3IsHighWhileTheGateIsLow() {
    var counter = counter(mode: 3)
    counter.write(count: 4)
    #expect(counter.run(3) == high(4, 2) + low(4))
    counter.setGate(false)
    #expect(counter.output)
    #expect(counter.run(1) == high(4))
    counter.setGate(true)
    #expect(counter.run(3) == high(4, 2) + low(4))
  }

  @Test func mode4IsLowForOneClockAndCountsOn() {
    var counter = counter(mode: 4)
    #expect(counter.output)
    counter.write(count: 3)
    #expect(counter.run(6) == high(3, 2, 1) + low(0) + high(0xFFFF, 0xFFFE))
    counter.write(count: 1)
    #expect(counter.run(1) == high(1))
    counter.setGate(false)
    #expect(counter.run(1) == high(1))
    counter.setGate(true)
    #expect(counter.run(2) == low(0) + high(0xFFFF))
  }

  @Test func mode5StrobesAfterEachTrigger() {
    var counter = counter(mode: 5)
    counter.write(count: 2)
    #expect(counter.run(4).map(\.output) == [true, true, true, true])
    counter.trigger()
    #expect(counter.run(4) == high(2, 1) + low(0) + high(0xFFFF))
    counter.setGate(false)
    counter.setGate(true)
    #expect(counter.run(3) == high(2, 1) + low(0))
  }

  @Test func theFirstOfThreeModeBitsDoesNotCountInModes2And3() {
    for (bits, mode): (UInt8, UInt8) in [(6, 2), (7, 3)] {
      var counter = counter(mode: bits)
      #expect(counter.readStatus() >> 1 & 7 == mode)
    }
  }

  @Test func aCountOf0IsTheLargest() {
    var counter = counter(mode: 0)
    counter.write(count: 0)
    counter.advance(by: 0x1_0000)
    #expect(counter.sample() == Sample(1, false))
    counter.advance(by: 1)
    #expect(counter.sample() == Sample(0, true))
    counter = PITCounter(gate: true)
    counter.program(0x34)
    counter.write(count: 0)
    counter.advance(by: 1)
    #expect(counter.sample() == Sample(0, true))
    counter.advance(by: 0xFFFF)
    #expect(counter.sample() == Sample(1, false))
    counter.advance(by: 1)
    #expect(counter.sample() == Sample(0, true))
  }

  @Test func decimalCountsHaveFourDigits() {
    var terminal = counter(mode: 0, isDecimal: true)
    terminal.write(count: 0x0201)
    terminal.advance(by: 1)
    #expect(terminal.run(3) == low(0x0200, 0x0199, 0x0198))
    terminal.advance(by: 198)
    #expect(terminal.run(2) == high(0x9999, 0x9998))
    var wave = counter(mode: 2, isDecimal: true)
    wave.write(count: 0)
    wave.advance(by: 2)
    #expect(wave.sample() == Sample(0x9999, true))
    wave.advance(by: 9998)
    #expect(wave.sample() == Sample(0x0001, false))
    var odd = counter(mode: 0, isDecimal: true)
    odd.write(count: 0x00FF)
    odd.advance(by: 1)
    #expect(odd.sample() == Sample(0x0165, false))
  }

  @Test func aCountOf1InAPeriodicModeHasNoEdges() {
    for mode: UInt8 in [2, 3] {
      var counter = counter(mode: mode)
      counter.write(count: 1)
      _ = counter.takeRise()
      let outputs = Set(counter.run(10).map(\.output))
      #expect(outputs.count == 1)
      #expect(counter.takeRise() == false)
      #expect(counter.clocksToRise == nil)
    }
  }
}

struct PITCounterRegisterTests {
  @Test func oneByteOfACountLeavesTheOther0() {
    var counter = PITCounter(gate: true)
    counter.program(1 << 4)
    counter.write(0x34)
    counter.advance(by: 1)
    #expect(counter.read(bytes: 2) == [0x34, 0x34])
    counter.advance(by: 0x34)
    #expect(counter.output)
    counter.program(2 << 4)
    counter.write(0x12)
    counter.advance(by: 1)
    #expect(counter.read(bytes: 2) == [0x12, 0x12])
    counter.advance(by: 0x11FF)
    #expect(!counter.output)
    counter.advance(by: 1)
    #expect(counter.output)
  }

  @Test func readsTakeTheLowByteFirstAndDoNotDisturbWrites() {
    var counter = counter(mode: 2)
    counter.write(count: 0x1234)
    counter.advance(by: 1)
    #expect(counter.read() == 0x34)
    counter.write(0x02)
    #expect(counter.read() == 0x12)
    counter.write(0)
    #expect(counter.readCount() == 0x1234)
    counter.advance(by: 0x1234)
    #expect(counter.readCount() == 2)
  }

  @Test func aLatchedCountStandsUntilItIsRead() {
    var counter = counter(mode: 0)
    counter.write(count: 0x1234)
    counter.advance(by: 1)
    counter.latchCount()
    counter.advance(by: 0x235)
    counter.latchCount()
    #expect(counter.read() == 0x34)
    counter.advance(by: 1)
    #expect(counter.read() == 0x12)
    #expect(counter.readCount() == 0x1234 - 0x236)
    counter.latchCount()
    counter.program(0x30)
    #expect(counter.readCount() == 0)
  }

  @Test func aLatchedCountOfOneByteIsReadOnce() {
    var counter = PITCounter(gate: true)
    counter.program(1 << 4)
    counter.write(9)
    counter.advance(by: 1)
    counter.latchCount()
    counter.advance(by: 4)
    #expect(counter.read(bytes: 2) == [9, 5])
  }

  @Test func theStatusTellsOutputNullCountAccessModeAndDecimal() {
    var counter = PITCounter(gate: true)
    #expect(counter.readStatus() == 0x70)
    counter.program(0x35)  // mode 2, decimal
    #expect(counter.readStatus() == 0xF5)
    counter.write(2)
    #expect(counter.readStatus() == 0xF5)
    counter.write(0)
    #expect(counter.readStatus() == 0xF5)
    counter.advance(by: 1)
    #expect(counter.readStatus() == 0xB5)
    counter.advance(by: 1)
    #expect(counter.readStatus() == 0x35)
    counter.write(count: 2)
    #expect(counter.readStatus() == 0x75)
    counter.advance(by: 1)
    #expect(counter.readStatus() == 0xB5)
    counter.program(0x1A)  // mode 5, low byte
    counter.write(7)
    counter.advance(by: 3)
    #expect(counter.readStatus() == 0xDA)
    counter.trigger()
    counter.advance(by: 1)
    #expect(counter.readStatus() == 0x9A)
  }

  @Test func theStatusIsReadBeforeTheCountAndKeepsItsFirstValue() {
    var counter = counter(mode: 0)
    counter.write(count: 2)
    counter.advance(by: 1)
    counter.latchCount()
    counter.latchStatus()
    counter.advance(by: 2)
    counter.latchStatus()
    #expect(counter.read(bytes: 3) == [0x30, 2, 0])
    #expect(counter.readStatus() == 0xB0)
  }
}

struct PITCounterEdgeTests {
  @Test func eachModeRisesWhereItsOutputDoes() {
    for mode: UInt8 in 0..<6 {
      for count: UInt16 in [1, 2, 3, 4, 5, 9] {
        var counter = counter(mode: mode)
        counter.write(count: count)
        counter.trigger()
        _ = counter.takeRise()
        var last = counter.output
        for clock in 1..<40 {
          let expected = counter.clocksToRise
          counter.advance(by: 1)
          let rises = !last && counter.output
          #expect(counter.takeRise() == rises, "mode \(mode), count \(count), clock \(clock)")
          if rises { #expect(expected == 1, "mode \(mode), count \(count), clock \(clock)") }
          if let expected, expected == 1 { #expect(rises, "mode \(mode), count \(count), clock \(clock)") }
          last = counter.output
        }
      }
    }
  }

  @Test func aModeWhoseOutputStartsHighRisesFromALowOne() {
    var counter = counter(mode: 0)
    #expect(counter.takeRise() == false)
    counter.program(0x34)
    #expect(counter.takeRise() == true)
    #expect(counter.takeRise() == false)
    counter.program(0x36)
    #expect(counter.takeRise() == false)
    counter.program(0x30)
    #expect(counter.takeRise() == false)
  }

  /// A step of many clocks is that many steps of one, whatever has been done before, and `clocksToRise` keeps
  /// its word.
  @Test func longStepsAreManyShortOnes() {
    var random = SeededGenerator(seed: 8254)
    for _ in 0..<3_000 {
      var fast = PITCounter(gate: random.next() % 4 != 0)
      var slow = fast
      func both(_ body: (inout PITCounter) -> Void) {
        body(&fast)
        body(&slow)
      }
      for _ in 0..<20 {
        let byte = UInt8(truncatingIfNeeded: random.next() % 8 == 0 ? random.next() : random.next() % 12)
        switch random.next() % 8 {
        case 0: both { $0.program(0x10 + byte % 0x30) }
        case 1, 2: both { $0.write(byte) }
        case 3:
          both {
            $0.write(byte)
            $0.write(0)
          }
        case 4: both { $0.setGate(byte & 1 != 0) }
        case 5: both { $0.latchCount() }
        default:
          _ = fast.takeRise()
          _ = slow.takeRise()
          let expected = fast.clocksToRise
          let clocks = random.next() % 30
          fast.advance(by: clocks)
          var rose: UInt64?
          for clock in 0..<clocks {
            slow.advance(by: 1)
            if slow.takeRise(), rose == nil { rose = clock + 1 }
          }
          #expect(fast.takeRise() == (rose != nil))
          if let rose {
            #expect(expected == rose)
          } else {
            #expect(expected.map { $0 > clocks } ?? true)
          }
        }
        #expect(fast.output == slow.output)
        #expect(fast.clocksToRise == slow.clocksToRise)
        var (first, second) = (fast, slow)
        #expect(first.readStatus() == second.readStatus())
        #expect(first.readCount() == second.readCount())
      }
    }
  }
}
