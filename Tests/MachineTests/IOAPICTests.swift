import Support
import Machine
import Testing

extension IOAPIC {
  fileprivate mutating func readRegister(_ register: UInt32) -> UInt32 {
    write(offset: 0, register)
    return read(offset: 0x10)
  }

  fileprivate mutating func program(_ pin: UInt32, _ low: UInt32, destination: UInt32 = 0) {
    write(offset: 0, 0x11 + 2 * pin)
    write(offset: 0x10, destination << 24)
    write(offset: 0, 0x10 + 2 * pin)
    write(offset: 0x10, low)
  }
}

struct IOAPICTests {
  private let level: UInt32 = 1 << 15
  private let masked: UInt32 = 1 << 16
  private let remoteIRR: UInt32 = 1 << 14

  @Test func identifiesItselfWith24InputsAndAnEOIRegister() {
    var apic = IOAPIC()
    #expect(apic.readRegister(1) == 0x0017_0020)
    apic.write(offset: 0, 0)
    apic.write(offset: 0x10, .max)
    #expect(apic.readRegister(0) == 0x0F00_0000)
    #expect(apic.readRegister(2) == 0x0F00_0000)
    for pin: UInt32 in 0..<24 { #expect(apic.readRegister(0x10 + 2 * pin) == masked) }
    #expect(apic.readRegister(0x40) == 0)
  }

  @Test func anEntryKeepsWhatIsWritable() {
    var apic = IOAPIC()
    apic.program(23, .max, destination: 0x7F)
    #expect(apic.readRegister(0x3E) == 0x1_AFFF)
    #expect(apic.readRegister(0x3F) == 0x7F00_0000)
  }

  @Test func anEdgeSendsOncePerRise() {
    var apic = IOAPIC()
    apic.program(4, 0x34, destination: 2)
    apic.setLine(4, asserted: true)
    #expect(apic.nextInterrupt() == InterruptMessage(to: .physical(2), vector: 0x34))
    #expect(apic.nextInterrupt() == nil)
    apic.setLine(4, asserted: true)
    #expect(apic.nextInterrupt() == nil)
    apic.setLine(4, asserted: false)
    apic.setLine(4, asserted: true)
    #expect(apic.nextInterrupt() != nil)
    apic.endOfInterrupt(0x34)
    #expect(apic.nextInterrupt() == nil)
  }

  @Test func aRiseOfAMaskedEdgeIsLost() {
    var apic = IOAPIC()
    apic.program(4, 0x34 | masked)
    apic.setLine(4, asserted: true)
    apic.program(4, 0x34)
    #expect(apic.nextInterrupt() == nil)
  }

  @Test func aLevelIsSentAgainUntilItIsReleased() {
    var apic = IOAPIC()
    apic.program(9, 0x59 | level)
    apic.setLine(9, asserted: true)
    #expect(apic.nextInterrupt() == InterruptMessage(to: .physical(0), vector: 0x59, trigger: .level))
    #expect(apic.nextInterrupt() == nil)
    #expect(apic.readRegister(0x10 + 18) == 0x59 | level | remoteIRR)
    apic.endOfInterrupt(0x58)
    #expect(apic.nextInterrupt() == nil)
    apic.endOfInterrupt(0x59)
    #expect(apic.nextInterrupt() != nil)
    apic.setLine(9, asserted: false)
    apic.write(offset: 0x40, 0x59)
    #expect(apic.nextInterrupt() == nil)
    #expect(apic.readRegister(0x10 + 18) == 0x59 | level)
  }

  @Test func aMaskedLevelWaits() {
    var apic = IOAPIC()
    apic.program(9, 0x59 | level | masked)
    apic.setLine(9, asserted: true)
    #expect(apic.nextInterrupt() == nil)
    apic.program(9, 0x59 | level)
    #expect(apic.nextInterrupt() != nil)
    apic.program(9, 0x59 | level | masked)
    apic.endOfInterrupt(0x59)
    #expect(apic.nextInterrupt() == nil)
    apic.program(9, 0x59 | level)
    #expect(apic.nextInterrupt() != nil)
  }

  @Test func twoInputsOfOneVectorEndTogether() {
    var apic = IOAPIC()
    for pin: UInt8 in [5, 6] {
      apic.program(UInt32(pin), 0x60 | level, destination: UInt32(pin))
      apic.setLine(pin, asserted: true)
    }
    #expect(apic.nextInterrupt()?.destination == .physical(5))
    #expect(apic.nextInterrupt()?.destination == .physical(6))
    apic.endOfInterrupt(0x60)
    #expect(apic.nextInterrupt()?.destination == .physical(5))
    #expect(apic.nextInterrupt()?.destination == .physical(6))
    #expect(apic.nextInterrupt() == nil)
  }

  @Test func makingALevelAnEdgeClearsRemoteIRR() {
    var apic = IOAPIC()
    apic.program(9, 0x59 | level)
    apic.setLine(9, asserted: true)
    _ = apic.nextInterrupt()
    apic.program(9, 0x59 | masked)
    apic.program(9, 0x59 | level)
    #expect(apic.nextInterrupt() != nil)
  }

  @Test func destinationsAndDeliveryModes() {
    func message(_ low: UInt32, destination: UInt32) -> InterruptMessage? {
      var apic = IOAPIC()
      apic.program(1, low, destination: destination)
      apic.setLine(1, asserted: true)
      return apic.nextInterrupt()
    }
    #expect(message(0x840, destination: 3) == InterruptMessage(to: .logical(3), vector: 0x40))
    #expect(message(0x40, destination: 0xFF) == InterruptMessage(to: .all, vector: 0x40))
    #expect(
      message(0x940, destination: 1) == InterruptMessage(to: .logical(1), .lowestPriority, vector: 0x40))
    #expect(message(0x400 | level, destination: 1) == InterruptMessage(to: .physical(1), .nmi, vector: 0))
    for reserved: UInt32 in [3, 6, 7] { #expect(message(reserved << 8 | 0x40, destination: 1) == nil) }
  }

  @Test func randomAccessesNeverTrapAndEveryDrainEnds() {
    var random = SeededGenerator(seed: 2)
    var apic = IOAPIC()
    for _ in 0..<100_000 {
      let value = UInt32(truncatingIfNeeded: random.anyMagnitude())
      switch random.next() % 6 {
      case 0: apic.write(offset: 0, value % 0x48)
      case 1: apic.write(offset: 0x10, value & ~masked)
      case 2: apic.write(offset: value, UInt32(truncatingIfNeeded: random.next()))
      case 3: _ = apic.read(offset: value)
      case 4: apic.endOfInterrupt(UInt8(truncatingIfNeeded: value))
      default: apic.setLine(UInt8(truncatingIfNeeded: value) % 32, asserted: value & 0x100 != 0)
      }
      var count = 0
      while apic.nextInterrupt() != nil { count += 1 }
      #expect(count <= 24)
    }
  }
}
