import Support
import Machine
import Testing

private let hertz: UInt64 = 3_000_000_000

private func makePlatform() -> Platform {
  Platform(frequency: TSCFrequency(hertz: hertz)!, secondsSinceEpoch: 1_700_000_000, now: 0)
}

extension Platform {
  fileprivate mutating func route(_ pin: UInt32, to low: UInt32) {
    writeIOAPIC(offset: 0, 0x10 + 2 * pin)
    writeIOAPIC(offset: 0x10, low)
  }

  fileprivate mutating func drained() -> [InterruptMessage] {
    var messages: [InterruptMessage] = []
    while let message = nextInterrupt() { messages.append(message) }
    return messages
  }
}

struct PMTimerTests {
  @Test func countsAtItsOwnRateAndWraps() {
    let timer = PMTimer(frequency: TSCFrequency(hertz: hertz)!)
    #expect(timer.value(now: 0) == 0)
    #expect(timer.value(now: hertz) == 3_579_545)
    #expect(timer.value(now: hertz / 2) == 1_789_772)
    #expect(timer.value(now: 1200 * hertz) == UInt32(truncatingIfNeeded: 1200 * 3_579_545))
  }

  @Test(arguments: [10_000, 1_000_000, 4_999_999_999, 1_000_000_000_000] as [UInt64])
  func neverTrapsNorRunsBackwards(hertz: UInt64) {
    let timer = PMTimer(frequency: TSCFrequency(hertz: hertz)!)
    _ = timer.value(now: .max)
    _ = timer.value(now: .max - 1)
    var random = SeededGenerator(seed: hertz)
    for _ in 0..<10_000 {
      let now = random.anyMagnitude()
      let (later, overflow) = now.addingReportingOverflow(random.next() % hertz)
      if !overflow { #expect(timer.value(now: later) &- timer.value(now: now) <= 3_579_546) }
    }
  }

  @Test func aFrequencyThatNoTSCHasIsRefused() {
    #expect(TSCFrequency(hertz: 0) == nil)
    #expect(TSCFrequency(hertz: 9_999) == nil)
    #expect(TSCFrequency(hertz: .max) == nil)
  }
}

struct PlatformTests {
  @Test func unclaimedPortsReadAllOnesOfTheirWidthAndAreCounted() {
    var platform = makePlatform()
    // 8259, 8042, POST, DMA page
    for port: UInt16 in [0x20, 0x24, 0xA0, 0xA4, 0x44, 0x5D, 0x64, 0x68, 0x80, 0x84] {
      #expect(platform.readPort(port, .byte, now: 0) == 0xFF)
      #expect(platform.readPort(port, .word, now: 0) == 0xFFFF)
      #expect(platform.readPort(port, .doubleword, now: 0) == 0xFFFF_FFFF)
      platform.writePort(port, .doubleword, 0, now: 0)
    }
    #expect(platform.unclaimedReads == 30)
    #expect(platform.unclaimedWrites == 10)
    #expect(platform.drained().isEmpty)
  }

  @Test func wideAccessesTouchConsecutivePorts() {
    var platform = makePlatform()
    platform.writePort(0x3FB, .doubleword, 0x0000_0B03, now: 0)  // LCR 3, MCR 0x0B
    #expect(platform.readPort(0x3FB, .word, now: 0) == 0x0B03)
    platform.writePort(0x70, .word, 0x5A0E, now: 0)
    #expect(platform.readPort(0x70, .word, now: 0) == 0x5AFF)
    #expect(platform.readPort(0x2FF, .word, now: 0) == 0xFF00)
    #expect(platform.readPort(0xFFFF, .doubleword, now: 0) == 0xFFFF_FFFF)
    #expect(platform.unclaimedReads == 1)
  }

  @Test func thePMTimerReadsWholeAndInParts() {
    var platform = makePlatform()
    let now = 1234 * hertz + 567_890
    let value = PMTimer(frequency: TSCFrequency(hertz: hertz)!).value(now: now)
    #expect(platform.readPort(0x608, .doubleword, now: now) == value)
    #expect(platform.readPort(0x60A, .word, now: now) == value >> 16)
    platform.writePort(0x608, .doubleword, 0, now: now)
    #expect(platform.readPort(0x608, .doubleword, now: now) == value)
    #expect(platform.unclaimedWrites == 0)
  }

  @Test func softOffAndResetAreRequestedByTheirValuesOnly() {
    var platform = makePlatform()
    #expect(platform.readPort(0x601, .byte, now: 0) == 0)
    platform.writePort(0x601, .byte, 0x80, now: 0)
    platform.writePort(0x600, .byte, 5 << 2, now: 0)
    platform.writePort(0x600, .byte, 3 << 2 | 0x20, now: 0)
    platform.writePort(0x604, .byte, 0x06, now: 0)
    #expect(platform.powerRequest == nil)
    var reset = platform
    reset.writePort(0x604, .byte, 1, now: 0)
    #expect(reset.powerRequest == .reset)
    platform.writePort(0x600, .byte, 5 << 2 | 0x20, now: 0)
    #expect(platform.powerRequest == .powerOff)
    #expect(platform.readPort(0x600, .byte, now: 0) == 5 << 2)
  }

  @Test func eachDeviceInterruptsOnItsOwnInput() {
    var platform = makePlatform()
    platform.route(4, to: 0x34)
    platform.route(3, to: 0x33)
    platform.route(8, to: 0x38)
    for base: UInt16 in [0x3F8, 0x2F8] {
      platform.writePort(base + 4, .byte, 0x0B, now: 0)
      platform.writePort(base + 1, .byte, 1, now: 0)
    }
    platform.receive(0x61, on: .com1)
    #expect(platform.drained().map(\.vector) == [0x34])
    platform.receive(0x62, on: .com2)
    #expect(platform.drained().map(\.vector) == [0x33])
    #expect(platform.readPort(0x3F8, .byte, now: 0) == 0x61)
    #expect(platform.readPort(0x2F8, .byte, now: 0) == 0x62)
    platform.writePort(0x70, .word, 0x120B, now: 0)
    #expect(platform.nextEvent == hertz)
    platform.advance(now: hertz)
    #expect(platform.drained().map(\.vector) == [0x38])
  }

  @Test func thePITsRisesInterruptOnInput0() {
    var platform = makePlatform()
    platform.writePort(0x43, .byte, 0x34, now: 0)
    #expect(platform.drained().isEmpty)
    platform.route(0, to: 0x30)
    platform.writePort(0x40, .byte, 0xA9, now: 0)
    platform.writePort(0x40, .byte, 0x04, now: 0)
    for period in 1...3 as ClosedRange<UInt64> {
      // The first 1,193 clocks of a period begin one after the count was written.
      let due = platform.nextEvent!
      #expect(due == ((1193 * period + 1) * hertz + 1_193_181) / 1_193_182)
      platform.advance(now: due - 1)
      #expect(platform.drained().isEmpty)
      platform.advance(now: due)
      #expect(platform.drained() == [InterruptMessage(to: .physical(0), vector: 0x30, trigger: .edge)])
    }
    platform.writePort(0x70, .word, 0x120B, now: hertz / 2)
    #expect(platform.nextEvent! <= hertz / 2 + hertz / 1000)
    platform.writePort(0x43, .byte, 0x30, now: hertz / 2)
    #expect(platform.nextEvent == hertz)
  }

  @Test func port61HShowsCounter2() {
    var platform = makePlatform()
    platform.writePort(0x61, .byte, 1, now: 0)
    platform.writePort(0x43, .byte, 0xB0, now: 0)
    platform.writePort(0x42, .byte, 0x00, now: 0)
    platform.writePort(0x42, .byte, 0x10, now: 0)
    #expect(platform.readPort(0x61, .byte, now: 0) == 0x01)
    #expect(platform.readPort(0x42, .byte, now: hertz / 1000) == (0x1000 - 1192) & 0xFF)
    #expect(platform.readPort(0x42, .byte, now: hertz / 1000) == (0x1000 - 1192) >> 8)
    #expect(platform.readPort(0x61, .byte, now: hertz / 100) & 0x20 != 0)
    #expect(platform.unclaimedReads == 0 && platform.unclaimedWrites == 0)
  }

  @Test func aLevelTriggeredSerialPortInterruptsUntilItIsServed() {
    var platform = makePlatform()
    platform.route(4, to: 0x34 | 1 << 15)
    platform.writePort(0x3FC, .byte, 0x0B, now: 0)
    platform.writePort(0x3F9, .byte, 1, now: 0)
    platform.receive(1, on: .com1)
    #expect(platform.drained() == [InterruptMessage(to: .physical(0), vector: 0x34, trigger: .level)])
    platform.endOfInterrupt(0x34)
    #expect(platform.drained().count == 1)
    _ = platform.readPort(0x3F8, .byte, now: 0)
    platform.endOfInterrupt(0x34)
    #expect(platform.drained().isEmpty)
  }

  @Test func whatTheGuestPrintsComesOutInOrder() {
    var platform = makePlatform()
    for byte in Array("hello".utf8) { platform.writePort(0x3F8, .byte, UInt32(byte), now: 0) }
    var output: [UInt8] = []
    while let byte = platform.nextTransmitted(on: .com1) { output.append(byte) }
    #expect(output == Array("hello".utf8))
    #expect(platform.nextTransmitted(on: .com2) == nil)
    #expect(platform.canReceive(on: .com1))
  }

  @Test func randomAccessesNeverTrapAndKeepToTheirWidth() {
    var random = SeededGenerator(seed: 5)
    var platform = makePlatform()
    for pin: UInt32 in 0..<24 { platform.route(pin, to: 0x30 + pin) }
    var now: UInt64 = 0
    let bases: [UInt16] = [0x3D, 0x5F, 0x6E, 0x2F5, 0x3F5, 0x5FD, 0x604, 0]
    for _ in 0..<100_000 {
      now = random.next() % 100 == 0 ? random.anyMagnitude() : now &+ random.next() % hertz
      let base = bases[Int(random.next() % 8)]
      let port = base == 0 ? UInt16(truncatingIfNeeded: random.next()) : base + UInt16(random.next() % 16)
      let width: Platform.PortWidth = [.byte, .word, .doubleword][Int(random.next() % 3)]
      if random.next() % 2 == 0 {
        let value = platform.readPort(port, width, now: now)
        #expect(UInt64(value) < 1 << UInt64(8 * width.rawValue))
      } else {
        platform.writePort(port, width, UInt32(truncatingIfNeeded: random.anyMagnitude()), now: now)
      }
      if random.next() % 16 == 0 { platform.receive(UInt8(truncatingIfNeeded: now), on: .com1) }
      if random.next() % 16 == 0 { _ = platform.nextTransmitted(on: .com2) }
      if let next = platform.nextEvent, next <= now { platform.advance(now: now) }
      for message in platform.drained() { platform.endOfInterrupt(message.vector) }
    }
  }
}
