import Support
import Testing

@testable import Machine

private let rx: UInt8 = 0
private let tx: UInt8 = 0
private let ier: UInt8 = 1
private let iir: UInt8 = 2
private let fcr: UInt8 = 2
private let lcr: UInt8 = 3
private let mcr: UInt8 = 4
private let lsr: UInt8 = 5
private let msr: UInt8 = 6
private let scr: UInt8 = 7

/// A port as Linux sets it up: FIFOs on with trigger level 8, OUT2 on.
private func openPort(interrupts: UInt8 = 0) -> UART16550 {
  var uart = UART16550()
  uart.write(fcr, 0x81)
  uart.write(mcr, 0x0B)
  _ = uart.read(msr)
  uart.write(ier, interrupts)
  return uart
}

struct UART16550Tests {
  /// Linux 6.1, drivers/tty/serial/8250/8250_port.c: autoconfig() and autoconfig_16550a().
  @Test func linuxRecognisesA16550AAndNothingMore() {
    var uart = UART16550()
    uart.write(ier, 0)
    #expect(uart.read(ier) == 0)
    uart.write(ier, 0x0F)
    #expect(uart.read(ier) == 0x0F)
    uart.write(ier, 0)

    uart.write(mcr, 0x10 | 0x0A)
    #expect(uart.read(msr) & 0xF0 == 0x90)
    uart.write(mcr, 0)

    uart.write(lcr, 0xBF)
    uart.write(fcr, 0)
    uart.write(lcr, 0)
    uart.write(fcr, 1)
    #expect(uart.read(iir) >> 6 == 3)

    uart.write(lcr, 0x80)
    #expect(uart.read(iir) != 0)  // not an ST16C650
    uart.write(lcr, 0xBF)
    #expect(uart.read(iir) != 0)  // no extended features register
    uart.write(lcr, 0)
    let modemControl = uart.read(mcr)
    uart.write(mcr, modemControl ^ 0x10)
    uart.write(lcr, 0xE0)
    #expect((uart.read(iir) ^ modemControl) & 0x10 == 0)  // not a National Semiconductor Super I/O
    uart.write(lcr, 0)
    uart.write(mcr, modemControl)

    uart.write(fcr, 0x21)
    let first = uart.read(iir) >> 5
    uart.write(fcr, 0x01)
    uart.write(lcr, 0x80)
    uart.write(fcr, 0x21)
    let second = uart.read(iir) >> 5
    uart.write(lcr, 0)
    #expect(!(first == 6 && second == 7))  // no TI16750

    uart.write(ier, 0x40)
    #expect(uart.read(ier) & 0x40 == 0)  // not an XScale
    #expect(uart.read(lsr) == 0x60)
  }

  /// serial8250_do_startup(): the tests for transmitters that do not raise their interrupt again.
  @Test func enablingTheTransmitterInterruptRaisesItEveryTime() {
    var uart = openPort()
    for _ in 0..<2 {
      uart.write(ier, 0x02)
      #expect(uart.read(iir) == 0xC2)
      #expect(uart.read(iir) == 0xC1)
      uart.write(ier, 0)
    }
  }

  @Test func scratchAndDivisorReadBack() {
    var uart = UART16550()
    uart.write(scr, 0x5A)
    #expect(uart.read(scr) == 0x5A)
    uart.write(lcr, 0x83)
    uart.write(0, 0x34)
    uart.write(1, 0x12)
    #expect(uart.read(0) == 0x34)
    #expect(uart.read(1) == 0x12)
    uart.write(lcr, 0x03)
    #expect(uart.read(lcr) == 3)
    #expect(uart.read(ier) == 0)
    #expect(uart.nextTransmitted() == nil)
  }

  @Test func aGuestThatWaitsForTheTransmitterLosesNothing() {
    var uart = openPort()
    var sent: [UInt8] = []
    var drained: [UInt8] = []
    for _ in 0..<100 {
      while uart.read(lsr) & 0x20 != 0 {
        for _ in 0..<16 {
          let byte = UInt8(truncatingIfNeeded: sent.count)
          uart.write(tx, byte)
          sent.append(byte)
        }
      }
      for _ in 0..<5 { if let byte = uart.nextTransmitted() { drained.append(byte) } }
    }
    while let byte = uart.nextTransmitted() { drained.append(byte) }
    #expect(drained == sent)
    #expect(sent.count > 500)
    #expect(uart.read(lsr) & 0x60 == 0x60)
  }

  @Test func theTransmitterInterruptReturnsWhenThereIsRoomForABurst() {
    var uart = openPort(interrupts: 0x02)
    for byte in 0..<64 as Range<UInt8> { uart.write(tx, byte) }
    #expect(!uart.isInterruptAsserted)
    uart.write(tx, 0xEE)  // does not fit
    for expected in 0..<15 as Range<UInt8> { #expect(uart.nextTransmitted() == expected) }
    #expect(!uart.isInterruptAsserted)
    #expect(uart.nextTransmitted() == 15)
    #expect(uart.isInterruptAsserted)
    #expect(uart.read(iir) == 0xC2)
    #expect(!uart.isInterruptAsserted)
    var last: UInt8?
    while let byte = uart.nextTransmitted() { last = byte }
    #expect(last == 63)
  }

  @Test func eachByteSentRaisesTheTransmitterInterruptAgain() {
    var uart = openPort(interrupts: 0x02)
    #expect(uart.read(iir) == 0xC2)
    uart.write(tx, 0x41)
    #expect(uart.read(iir) == 0xC2)
    #expect(uart.read(iir) == 0xC1)
  }

  @Test func clearingTheTransmitFIFOKeepsWhatWasSent() {
    var uart = openPort()
    uart.write(tx, 0x41)
    uart.write(fcr, 0x07)
    #expect(uart.nextTransmitted() == 0x41)
  }

  @Test func receivedDataInterruptsByLevelOrTimeout() {
    var uart = openPort(interrupts: 0x01)
    uart.receive(1)
    #expect(uart.isInterruptAsserted)
    #expect(uart.read(iir) == 0xCC)
    for byte in 2...8 as ClosedRange<UInt8> { uart.receive(byte) }
    #expect(uart.read(iir) == 0xC4)
    for byte in 1...8 as ClosedRange<UInt8> {
      #expect(uart.read(lsr) & 1 == 1)
      #expect(uart.read(rx) == byte)
    }
    #expect(uart.read(lsr) & 1 == 0)
    #expect(uart.read(iir) == 0xC1)
    #expect(!uart.isInterruptAsserted)
    #expect(uart.read(rx) == 0)
  }

  @Test func anOverrunKeepsTheFIFOAndIsReportedOnce() {
    var uart = openPort(interrupts: 0x05)
    for byte in 0..<16 as Range<UInt8> {
      #expect(uart.canReceive)
      uart.receive(byte)
    }
    #expect(!uart.canReceive)
    uart.receive(99)
    #expect(uart.read(iir) == 0xC6)
    #expect(uart.read(lsr) & 3 == 3)
    #expect(uart.read(lsr) & 3 == 1)
    for byte in 0..<16 as Range<UInt8> { #expect(uart.read(rx) == byte) }
  }

  @Test func withoutFIFOsOneByteIsHeldAndTheNextReplacesIt() {
    var uart = UART16550()
    uart.write(ier, 1)
    uart.receive(1)
    #expect(uart.read(iir) == 0x04)
    uart.receive(2)
    #expect(uart.read(lsr) & 3 == 3)
    #expect(uart.read(rx) == 2)
    #expect(uart.read(lsr) & 1 == 0)
  }

  @Test func fifoControlClearsTheReceiver() {
    var uart = openPort()
    uart.receive(1)
    uart.write(fcr, 0x83)
    #expect(uart.read(lsr) & 1 == 0)
    uart.receive(1)
    uart.write(fcr, 0)
    #expect(uart.read(lsr) & 1 == 0)
    #expect(uart.read(iir) == 1)
  }

  @Test func interruptsAreIdentifiedByUrgency() {
    var uart = openPort(interrupts: 0x0F)
    for byte in 0...16 as ClosedRange<UInt8> { uart.receive(byte) }
    uart.write(mcr, 0x1B)
    uart.write(mcr, 0x19)
    uart.write(mcr, 0x0B)
    #expect(uart.read(iir) == 0xC6)
    _ = uart.read(lsr)
    #expect(uart.read(iir) == 0xC4)
    for _ in 0..<16 { _ = uart.read(rx) }
    #expect(uart.read(iir) == 0xC2)
    #expect(uart.read(iir) == 0xC0)
    #expect(uart.read(msr) & 0x0F != 0)
    #expect(uart.read(msr) == 0xB0)
    #expect(uart.read(iir) == 0xC1)
  }

  @Test func loopbackReturnsDataAndCutsTheLine() {
    var uart = openPort(interrupts: 0x01)
    uart.write(mcr, 0x1F)
    #expect(uart.read(msr) == 0xF0 | 0x00)
    uart.write(tx, 0x77)
    #expect(uart.nextTransmitted() == nil)
    #expect(!uart.canReceive)
    uart.receive(0x11)
    #expect(uart.read(rx) == 0x77)
    #expect(uart.read(lsr) & 3 == 0)
    uart.write(tx, 0x78)
    #expect(!uart.isInterruptAsserted)
    uart.write(mcr, 0x1B)
    #expect(uart.read(msr) & 0x04 != 0)
  }

  @Test func out2GatesTheInterrupt() {
    var uart = openPort(interrupts: 0x01)
    uart.receive(1)
    uart.write(mcr, 0x03)
    #expect(!uart.isInterruptAsserted)
    uart.write(mcr, 0x0B)
    #expect(uart.isInterruptAsserted)
  }

  @Test func randomAccessesNeverTrap() {
    var random = SeededGenerator(seed: 3)
    var uart = UART16550()
    for _ in 0..<100_000 {
      let value = UInt8(truncatingIfNeeded: random.anyMagnitude())
      let register = UInt8(truncatingIfNeeded: random.next()) % 9
      switch random.next() % 8 {
      case 0, 1, 2: uart.write(register, value)
      case 3, 4, 5: _ = uart.read(register)
      case 6: uart.receive(value)
      default: _ = uart.nextTransmitted()
      }
    }
    uart.write(mcr, 0)
    uart.write(lcr, 0)
    while uart.nextTransmitted() != nil {}
    #expect(uart.read(lsr) & 0x60 == 0x60)
  }
}
