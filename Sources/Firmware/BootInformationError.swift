import Memory

/// Why the kernel cannot go on with what the boot loader told it.
public enum BootInformationError: Error, Equatable {
  /// The register that holds a boot protocol's magic number holds this instead.
  case unknownMagic(UInt32)
  /// The boot loader's structure reaches to this address, where nothing can be read.
  case unreadable(HostPhysicalAddress)
  /// The boot loader gave neither a memory map nor the sizes of memory.
  case noMemoryMap
  /// The memory map's entries are too short, or it ends within one.
  case malformedMemoryMap
  /// The memory map has more than `MemoryMap.capacity` entries.
  case memoryMapTooLong
}
