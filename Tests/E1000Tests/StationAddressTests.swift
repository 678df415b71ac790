import Testing

@testable import E1000

@Suite struct StationAddressTests {
  @Test func isStoredWithItsFirstByteLowest() {
    let address = StationAddress(0x5254_0012_3401)
    #expect(address.littleEndian == 0x0134_1200_5452)
    #expect(StationAddress(littleEndian: 0x0134_1200_5452) == address)
  }

  @Test func belongsToOneInterface() {
    #expect(StationAddress(0x5254_0012_3401).isUsable)
    #expect(!StationAddress(0).isUsable)
    #expect(!StationAddress(0x0100_5E00_0001).isUsable)
    #expect(!StationAddress(0xFFFF_FFFF_FFFF).isUsable)
  }
}
