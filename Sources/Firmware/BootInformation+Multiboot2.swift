import Memory

// Multiboot 2 (Multiboot2 Specification 2.0, 3.6): a total size, then tags of type and size, each at a
// multiple of 8 bytes, that hold everything but the modules' bytes.

extension BootInformation {
  /// EAX after a Multiboot 2 boot (2.0, 3.3).
  public static let multiboot2Magic: UInt32 = 0x36D7_6289

  private enum Tag: UInt32 {
    case end = 0
    case commandLine = 1
    case loaderName = 2
    case module = 3
    case memorySizes = 4
    case memoryMap = 6
    case efi32SystemTable = 11
    case efi64SystemTable = 12
    case oldRootPointer = 14
    case newRootPointer = 15
    case efiMemoryMap = 17
  }

  mutating func readMultiboot2(
    _ address: HostPhysicalAddress, _ memory: some PhysicalMemory,
    _ ranges: inout BoundedList<256, MemoryMap.Entry>
  ) throws(BootInformationError) {
    guard let total = memory.load(UInt32.self, at: address) else { throw .unreadable(address) }
    var sizes: (lower: UInt32, upper: UInt32)?
    var offset: UInt64 = 8
    while UInt64(total) >= offset + 8 {
      let tag = address + offset
      guard
        let type = memory.load(UInt32.self, at: tag),
        let size = memory.load(UInt32.self, at: tag + 4).map(UInt64.init)
      else { throw .unreadable(tag) }
      guard size >= 8, size <= UInt64(total) - offset else {
        ignoredCount += 1
        break
      }
      switch Tag(rawValue: type) {
      case .end?:
        offset = UInt64(total)
      case .commandLine?:
        commandLine = text(at: tag + 8, limit: size - 8, memory)
      case .loaderName?:
        loaderName = text(at: tag + 8, limit: size - 8, memory)
      case .module?:
        readModule(tag, size, memory)
      case .memorySizes?:
        if size >= 16, let lower = memory.load(UInt32.self, at: tag + 8),
          let upper = memory.load(UInt32.self, at: tag + 12)
        {
          sizes = (lower, upper)
        } else {
          ignoredCount += 1
        }
      case .memoryMap?:
        try readMemoryMap(tag, size, memory, &ranges)
      case .efi32SystemTable?, .efi64SystemTable?, .efiMemoryMap?:
        isUEFI = true
      case .oldRootPointer?:
        takeRootPointer(tag, size, leastSize: 20, preferred: false)
      case .newRootPointer?:
        takeRootPointer(tag, size, leastSize: 36, preferred: true)
      case nil:
        break
      }
      offset += (size + 7) & ~7
    }
    if ranges.isEmpty, let sizes {
      try add(lowerKiB: sizes.lower, upperKiB: sizes.upper, to: &ranges)
    }
  }

  private mutating func readModule(
    _ tag: HostPhysicalAddress, _ size: UInt64, _ memory: some PhysicalMemory
  ) {
    guard
      size >= 16,
      let start = memory.load(UInt32.self, at: tag + 8),
      let end = memory.load(UInt32.self, at: tag + 12)
    else { return ignoredCount += 1 }
    let string = size == 16 ? .nowhere : text(at: tag + 16, limit: size - 16, memory)
    addModule(start: start, end: end, string: string, memory)
  }

  /// Reads the memory map: entries of base, length and type, as far apart as its header says.
  private mutating func readMemoryMap(
    _ tag: HostPhysicalAddress, _ size: UInt64, _ memory: some PhysicalMemory,
    _ ranges: inout BoundedList<256, MemoryMap.Entry>
  ) throws(BootInformationError) {
    guard size >= 16, let stride = memory.load(UInt32.self, at: tag + 8), stride >= 20 else {
      throw .malformedMemoryMap
    }
    var offset: UInt64 = 16
    while offset < size {
      let entry = tag + offset
      guard
        size - offset >= 20,
        let base = memory.load(UInt64.self, at: entry),
        let length = memory.load(UInt64.self, at: entry + 8),
        let type = memory.load(UInt32.self, at: entry + 16)
      else { throw .malformedMemoryMap }
      try add(base: base, length: length, type: type, to: &ranges)
      offset += UInt64(stride)
    }
  }

  private mutating func takeRootPointer(
    _ tag: HostPhysicalAddress, _ size: UInt64, leastSize: UInt64, preferred: Bool
  ) {
    guard size >= 8 + leastSize else { return ignoredCount += 1 }
    if rootPointer == nil || preferred { rootPointer = tag + 8 }
  }
}
