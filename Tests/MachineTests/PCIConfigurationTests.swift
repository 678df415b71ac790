import Machine
import Testing

@Suite struct PCIConfigurationTests {
  private var platform = Platform(
    frequency: TSCFrequency(hertz: 1_000_000_000)!, secondsSinceEpoch: 0, now: 0)

  private mutating func read(
    _ address: UInt32, _ width: Platform.PortWidth = .doubleword, at offset: UInt16 = 0
  )
    -> UInt32
  {
    platform.writePort(0xCF8, .doubleword, address, now: 0)
    return platform.readPort(0xCFC + offset, width, now: 0)
  }

  @Test mutating func theAddressRegisterReadsBackWithoutItsReservedBits() {
    platform.writePort(0xCF8, .doubleword, 0xFFFF_FFFF, now: 0)
    #expect(platform.readPort(0xCF8, .doubleword, now: 0) == 0x80FF_FFFC)
  }

  @Test mutating func onlyDoublewordsReachTheAddressRegister() {
    platform.writePort(0xCF8, .doubleword, 0x8000_0008, now: 0)
    platform.writePort(0xCFB, .byte, 0x01, now: 0)
    platform.writePort(0xCF8, .word, 0x1234, now: 0)
    #expect(platform.readPort(0xCF8, .doubleword, now: 0) == 0x8000_0008)
    #expect(platform.readPort(0xCFB, .byte, now: 0) == 0xFF)
  }

  @Test mutating func aHostBridgeStandsAloneOnTheBus() {
    #expect(read(0x8000_0000) & 0xFFFF == 0x1B36)
    #expect(read(0x8000_0008, .word, at: 2) == 0x0600)
    #expect(read(0x8000_003C) == 0)
    #expect(read(0x8000_0100) == .max)
    #expect(read(0x8000_0800) == .max)
    #expect(read(0x8001_0000) == .max)
    #expect(read(0x0000_0000) == .max)
  }

  @Test mutating func writesToTheHostBridgeChangeNothing() {
    let before = read(0x8000_0004)
    platform.writePort(0xCFC, .doubleword, .max, now: 0)
    #expect(read(0x8000_0004) == before)
  }
}
