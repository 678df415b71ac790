import Memory

/// Why a kernel or a module could not be loaded. Sizes are in bytes.
public enum LoaderError: Error, Equatable {
  /// Neither a bzImage nor an ELF file, and no multiboot header in the first 8 KiB.
  case notAKernel
  /// The image ends at `available`, but its headers speak of bytes up to `needed`.
  case truncated(needed: UInt64, available: UInt64)
  /// A field of the image's headers contradicts another or its own definition.
  case malformed(MalformedField)
  /// A bzImage whose boot protocol is older than 2.12 (0x020C).
  case protocolTooOld(version: UInt16)
  /// A bzImage without the 64-bit entry point.
  case not64BitCapable
  /// A 64-bit ELF file without a PVH entry note and without a multiboot header with load addresses.
  case noPVHNote
  /// A 32-bit ELF file without a multiboot header.
  case noMultibootHeader
  /// The multiboot header insists on these flags, which stand for things that cannot be offered.
  case unsupportedMultibootFlags(UInt32)
  /// A segment is to be loaded where no usable RAM stands below 4 GiB: its first such byte.
  case segmentOutsideRAM(GuestPhysicalAddress)
  /// A segment is to be loaded over the structures that the loader itself hands to the kernel.
  case overlapsBootStructures(GuestPhysicalAddress)
  /// The kernel's first instruction lies outside everything that the image loads.
  case entryOutsideKernel(GuestPhysicalAddress)
  /// The kernel needs more contiguous RAM at the place it asks for than stands there.
  case kernelDoesNotFit(needed: UInt64, available: UInt64)
  /// Longer than this kernel or the loader takes.
  case commandLineTooLong(count: Int, limit: Int)
  /// More modules than this kernel's boot protocol or the loader takes.
  case tooManyModules(count: Int, limit: Int)
  /// The modules' strings together are longer than the loader takes.
  case moduleStringsTooLong(limit: Int)
  /// The module (the initrd is module 0) needs more RAM than the kernel and the modules before it leave.
  case moduleDoesNotFit(index: Int, needed: UInt64, available: UInt64)
  /// No memory stands where the map says that RAM does.
  case memoryMissing(GuestPhysicalAddress)

  /// What is wrong in a malformed header.
  public enum MalformedField: Equatable, Sendable {
    /// bzImage: protected-mode code too small to hold its entry point.
    case codeSize
    /// bzImage: alignment not a power of two.
    case kernelAlignment
    /// ELF: not for x86, not little-endian, or program headers smaller than their format.
    case elfHeader
    /// ELF: a segment with more bytes in the file than in memory, or one that wraps the address space.
    case segmentSize
    /// ELF: the PVH note holds no 32-bit address.
    case pvhNote
    /// Multiboot: addresses out of order.
    case multibootAddresses
  }
}

extension LoaderError {
  init(_ error: GuestMemoryError) {
    switch error {
    case .hole(let address): self = .memoryMissing(address)
    }
  }
}
