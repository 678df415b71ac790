import Memory

// Multiboot 1 (Multiboot Specification 0.6.96, 3.3): one structure of fixed offsets, whose first word
// says which of the fields hold something. Lists and texts stand elsewhere, at 32-bit physical addresses.

extension BootInformation {
  /// EAX after a Multiboot 1 boot (0.6.96, 3.2).
  public static let multiboot1Magic: UInt32 = 0x2BAD_B002

  private struct Present: OptionSet {
    let rawValue: UInt32
    static let memorySizes = Present(rawValue: 1 << 0)
    static let commandLine = Present(rawValue: 1 << 2)
    static let modules = Present(rawValue: 1 << 3)
    static let memoryMap = Present(rawValue: 1 << 6)
    static let loaderName = Present(rawValue: 1 << 9)
  }

  mutating func readMultiboot1(
    _ address: HostPhysicalAddress, _ memory: some PhysicalMemory,
    _ ranges: inout BoundedList<256, MemoryMap.Entry>
  ) throws(BootInformationError) {
    func field(_ offset: UInt64) throws(BootInformationError) -> UInt32 {
      guard let value = memory.load(UInt32.self, at: address + offset) else {
        throw .unreadable(address + offset)
      }
      return value
    }
    func pointer(_ offset: UInt64) throws(BootInformationError) -> HostPhysicalAddress {
      HostPhysicalAddress(UInt64(try field(offset)))
    }

    let present = Present(rawValue: try field(0))
    if present.contains(.commandLine) {
      commandLine = text(at: try pointer(16), limit: Self.textLimit, memory)
    }
    if present.contains(.loaderName) {
      loaderName = text(at: try pointer(64), limit: Self.textLimit, memory)
    }
    if present.contains(.modules) {
      readModules(count: try field(20), at: try pointer(24), memory)
    }
    if present.contains(.memoryMap) {
      try readMemoryMap(length: try field(44), at: try pointer(48), memory, &ranges)
    } else if present.contains(.memorySizes) {
      try add(lowerKiB: try field(4), upperKiB: try field(8), to: &ranges)
    }
  }

  /// Reads the module list: entries of 16 bytes (start, end, string, reserved).
  private mutating func readModules(
    count: UInt32, at address: HostPhysicalAddress, _ memory: some PhysicalMemory
  ) {
    for index in 0..<UInt64(count) {
      guard !modules.isFull else {
        ignoredCount += Int(UInt64(count) - index)
        return
      }
      let entry = address + 16 * index
      guard
        let start = memory.load(UInt32.self, at: entry),
        let end = memory.load(UInt32.self, at: entry + 4),
        let string = memory.load(UInt32.self, at: entry + 8)
      else {
        ignoredCount += Int(UInt64(count) - index)
        return
      }
      let stringAddress = HostPhysicalAddress(UInt64(string))
      addModule(
        start: start, end: end,
        string: string == 0 ? .nowhere : text(at: stringAddress, limit: Self.textLimit, memory), memory)
    }
  }

  /// Reads the memory map: entries of a size that does not count itself, base, length and type.
  private mutating func readMemoryMap(
    length: UInt32, at address: HostPhysicalAddress, _ memory: some PhysicalMemory,
    _ ranges: inout BoundedList<256, MemoryMap.Entry>
  ) throws(BootInformationError) {
    var offset: UInt64 = 0
    while offset < UInt64(length) {
      let entry = address + offset
      guard
        UInt64(length) - offset >= 24,
        let size = memory.load(UInt32.self, at: entry), size >= 20,
        let base = memory.load(UInt64.self, at: entry + 4),
        let length = memory.load(UInt64.self, at: entry + 12),
        let type = memory.load(UInt32.self, at: entry + 20)
      else { throw .malformedMemoryMap }
      try add(base: base, length: length, type: type, to: &ranges)
      offset += 4 + UInt64(size)
    }
  }
}
