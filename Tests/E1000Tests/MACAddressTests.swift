import Ethernet
import Testing

@testable import E1000

@Suite struct MACAddressTests {
  @Test func isStoredWithItsFirstByteLowest() {
    let address = MACAddress(0x5254_0012_3401)
    #expect(address.littleEndian == 0x0134_1200_5452)
    #expect(MACAddress(littleEndian: 0x0134_1200_5452) == address)
  }

  @Test func belongsToOneInterface() {
    #expect(MACAddress(0x5254_0012_3401).isUsable)
    #expect(!MACAddress(0).isUsable)
    #expect(!MACAddress(0x0100_5E00_0001).isUsable)
    #expect(!MACAddress(0xFFFF_FFFF_FFFF).isUsable)
  }
}
