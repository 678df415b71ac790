import Memory

/// One ACPI table whose length and checksum are right.
public struct FirmwareTable<Source: PhysicalMemory> {
  /// Size of the header that every table starts with, in bytes (ACPI 6.5, 5.2.6).
  static var headerSize: Int { 36 }

  /// Longest table that is believed, in bytes; those that the kernel reads are far shorter.
  static var sizeLimit: UInt32 { 1 << 20 }

  public let address: HostPhysicalAddress

  /// Size in bytes, header included.
  public let count: Int

  let memory: Source

  /// The table at `address`; nil where it bears another name, or its length or checksum is wrong.
  init?(_ signature: TableSignature, at address: HostPhysicalAddress, _ memory: Source) {
    guard
      memory.load(UInt32.self, at: address) == signature.value,
      let length = memory.load(UInt32.self, at: address + 4),
      length >= UInt32(Self.headerSize), length <= Self.sizeLimit,
      memory.sumOfBytes(at: address, count: UInt64(length)) == 0
    else { return nil }
    self.address = address
    self.count = Int(length)
    self.memory = memory
  }

  /// The little-endian integer at byte `offset`, or nil where it would reach past the table's end.
  func load<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, at offset: Int) -> Value? {
    guard offset >= 0, offset <= count - Value.bitWidth / 8 else { return nil }
    return memory.load(type, at: address + UInt64(offset))
  }
}

extension PhysicalMemory {
  /// The bytes' sum modulo 256, which ACPI wants to be 0; nil where one cannot be read.
  func sumOfBytes(at address: HostPhysicalAddress, count: UInt64) -> UInt8? {
    guard let range = Range<HostPhysicalAddress>(address, count: count) else { return nil }
    var sum: UInt8 = 0
    for location in range.lowerBound.value..<range.upperBound.value {
      guard let byte = byte(at: HostPhysicalAddress(location)) else { return nil }
      sum &+= byte
    }
    return sum
  }
}
