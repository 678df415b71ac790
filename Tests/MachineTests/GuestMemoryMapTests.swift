import Machine
import Memory
import Testing

@Test func ramBelowTheDeviceHoleStaysBelowIt() throws {
  let map = try #require(GuestMemoryMap(ramSize: 512 << 20))
  #expect(map.highRange.isEmpty)
  #expect(map.extendedRange == 0x10_0000..<(512 << 20) + 0x4_0000)
  #expect(map.entries.map(\.kind) == [.usable, .reserved, .usable, .reserved])
}

@Test func ramThatDoesNotFitBelowTheDeviceHoleContinuesAt4GiB() throws {
  let map = try #require(GuestMemoryMap(ramSize: 8 << 30))
  #expect(map.extendedRange.upperBound == 0xC000_0000)
  #expect(map.highRange.lowerBound == 0x1_0000_0000)
  let low = map.extendedRange.upperBound - 0x4_0000
  #expect(low + UInt64(map.highRange.count) == 8 << 30)
  #expect(map.endOfRAM.value == map.highRange.upperBound)
}

@Test func holesAreNotRAM() throws {
  let map = try #require(GuestMemoryMap(ramSize: 64 << 20))
  for address: UInt64 in [0xA_0000, 0xD_FFFF, 0xFEC0_0000, 0xFEE0_0000, 0x1_0000_0000, .max] {
    #expect(!map.isRAM(GuestPhysicalAddress(address)))
  }
  for address: UInt64 in [0, 0x9_FFFF, 0xE_0000, 0x10_0000, (64 << 20) + 0x3_FFFF] {
    #expect(map.isRAM(GuestPhysicalAddress(address)))
  }
}

@Test func aBlockOf2MiBIsRAMAsAWhole() throws {
  let map = try #require(GuestMemoryMap(ramSize: 5 << 30))
  #expect(map.block(of: GuestPhysicalAddress(0x1000)) == nil)
  #expect(map.block(of: GuestPhysicalAddress(0x10_0000)) == nil)
  #expect(map.block(of: GuestPhysicalAddress(0x2F_FFFF)) == GuestPhysicalAddress(0x20_0000))
  #expect(map.block(of: GuestPhysicalAddress(0xBFFF_FFFF)) == GuestPhysicalAddress(0xBFE0_0000))
  #expect(map.block(of: GuestPhysicalAddress(0xC000_0000)) == nil)
  #expect(map.block(of: GuestPhysicalAddress(0x1_0000_0000)) == GuestPhysicalAddress(0x1_0000_0000))
  // The last 256 KiB, which stand for the legacy hole, are not a block.
  #expect(map.block(of: GuestPhysicalAddress(map.endOfRAM.value - 1)) == nil)
}

@Test func tooLittleMemoryMakesNoMap() {
  #expect(GuestMemoryMap(ramSize: 1 << 20) == nil)
}
