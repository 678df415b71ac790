import Memory

// ACPI's chain of custody: the boot loader or a scan of the BIOS areas gives the root pointer (RSDP), that
// gives the root table (XSDT, or the older RSDT), and that lists all others. Each link's checksum and length
// are checked before the next is followed, and every load is bounded by the table it belongs to.

/// The ACPI tables of the machine that the kernel runs on.
public struct FirmwareTables<Source: PhysicalMemory> {
  private let root: FirmwareTable<Source>

  /// Width of the root table's pointers in bytes: 8 in an XSDT, 4 in an RSDT.
  private let pointerSize: Int

  /// Finds the root table.
  ///
  /// - Parameter rootPointer: where the boot loader put the root pointer; where it gave none, the areas that a
  ///   BIOS keeps it in are searched.
  public init(rootPointer: HostPhysicalAddress?, memory: Source) throws(FirmwareTablesError) {
    guard let address = rootPointer ?? Self.findRootPointer(memory) else { throw .noRootPointer }
    guard Self.isRootPointer(address, memory) else { throw .malformedRootPointer(address) }
    if memory.byte(at: address + 15) ?? 0 >= 2,
      let pointer = memory.load(UInt64.self, at: address + 24),
      let table = FirmwareTable(.xsdt, at: HostPhysicalAddress(pointer), memory)
    {
      (root, pointerSize) = (table, 8)
    } else if let pointer = memory.load(UInt32.self, at: address + 16),
      let table = FirmwareTable(.rsdt, at: HostPhysicalAddress(UInt64(pointer)), memory)
    {
      (root, pointerSize) = (table, 4)
    } else {
      throw .malformedRootTable
    }
  }

  /// The first sound table of a name.
  public func table(_ signature: TableSignature) throws(FirmwareTablesError) -> FirmwareTable<Source> {
    var isListed = false
    var offset = FirmwareTable<Source>.headerSize
    while let address = pointer(at: offset) {
      if root.memory.load(UInt32.self, at: address) == signature.value {
        if let table = FirmwareTable(signature, at: address, root.memory) { return table }
        isListed = true
      }
      offset += pointerSize
    }
    throw isListed ? .malformed(signature) : .missing(signature)
  }

  private func pointer(at offset: Int) -> HostPhysicalAddress? {
    let value =
      pointerSize == 8
      ? root.load(UInt64.self, at: offset) : root.load(UInt32.self, at: offset).map(UInt64.init)
    return value.map { HostPhysicalAddress($0) }
  }

  /// Searches the first KiB of the extended BIOS data area and the BIOS ROM's last 128 KiB (ACPI 6.5, 5.2.5.1).
  private static func findRootPointer(_ memory: Source) -> HostPhysicalAddress? {
    if let segment = memory.load(UInt16.self, at: HostPhysicalAddress(0x40E)) {
      let start = UInt64(segment) << 4
      // Anything else would be a misread pointer, and above 0xA_0000 it could lead into a device.
      if (0x8_0000..<0xA_0000).contains(start), let found = findRootPointer(memory, start..<start + 1024) {
        return found
      }
    }
    return findRootPointer(memory, 0xE_0000..<0x10_0000)
  }

  private static func findRootPointer(_ memory: Source, _ area: Range<UInt64>) -> HostPhysicalAddress? {
    for address in stride(from: area.lowerBound, to: area.upperBound, by: 16) {
      if isRootPointer(HostPhysicalAddress(address), memory) { return HostPhysicalAddress(address) }
    }
    return nil
  }

  /// Whether a root pointer with right checksums stands at `address` (ACPI 6.5, 5.2.5.3).
  private static func isRootPointer(_ address: HostPhysicalAddress, _ memory: Source) -> Bool {
    guard
      memory.load(UInt32.self, at: address) == TableSignature("R", "S", "D", " ").value,
      memory.load(UInt32.self, at: address + 4) == TableSignature("P", "T", "R", " ").value,
      memory.sumOfBytes(at: address, count: 20) == 0,
      let revision = memory.byte(at: address + 15)
    else { return false }
    guard revision >= 2 else { return true }
    guard let length = memory.load(UInt32.self, at: address + 20), (36...1024).contains(length) else {
      return false
    }
    return memory.sumOfBytes(at: address, count: UInt64(length)) == 0
  }
}
