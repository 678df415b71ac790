import Memory
import Support
import Testing

@Test func integersAreLittleEndianInGuestMemory() throws {
  var memory = ArrayGuestMemory(count: 64)
  try memory.store(UInt32(0x1122_3344), at: GuestPhysicalAddress(3))
  #expect(memory.bytes[3..<7] == [0x44, 0x33, 0x22, 0x11])
  #expect(memory.bytes[7] == 0)
  #expect(try memory.load(UInt16.self, at: GuestPhysicalAddress(4)) == 0x2233)
}

@Test func anAccessPastTheEndIsAHoleAndChangesNothing() throws {
  var memory = ArrayGuestMemory(count: 8)
  #expect(throws: GuestMemoryError.hole(GuestPhysicalAddress(5))) {
    try memory.store(UInt32.max, at: GuestPhysicalAddress(5))
  }
  #expect(memory.bytes == [UInt8](repeating: 0, count: 8))
}

@Test func spansRefuseIntegersThatReachPastAnEnd() {
  let bytes: [UInt8] = [1, 2, 3, 4]
  #expect(bytes.span.littleEndian(UInt32.self, at: 0) == 0x0403_0201)
  #expect(bytes.span.littleEndian(UInt32.self, at: 1) == nil)
  #expect(bytes.span.littleEndian(UInt16.self, at: -1) == nil)
  #expect(bytes.span.littleEndian(UInt16.self, at: Int.max) == nil)
}
