import Memory

// Both Multiboot protocols say the same things in different layouts. Each has a reader that fills one
// `BootInformation`, which names physical ranges only: the kernel decides when to look at the bytes, and
// keeps the frames that hold them until it has. The readers go by three rules. What the kernel cannot do
// without (the structure itself, the memory map) is an error when it is malformed; anything else that is
// malformed is left out and counted; nothing is named that cannot be read.

/// What the boot loader told the kernel.
///
/// The value is about 7 KiB; reading it takes some 25 KiB of stack.
public struct BootInformation: Sendable {
  /// Longest text that is taken where only a NUL ends it, in bytes.
  public static let textLimit: UInt64 = 4096

  /// The kernel's own command line, without its NUL.
  public internal(set) var commandLine = Range<HostPhysicalAddress>.nowhere

  /// The name that the boot loader gives itself, without its NUL.
  public internal(set) var loaderName = Range<HostPhysicalAddress>.nowhere

  /// The files that came with the kernel, in the boot loader's order.
  public internal(set) var modules = BoundedList<16, BootModule>(filler: .filler)

  /// What stands where in physical memory.
  public private(set) var memoryMap = MemoryMap()

  /// The boot loader's copy of the ACPI root pointer; nil where it gave none.
  public internal(set) var rootPointer: HostPhysicalAddress?

  /// Whether the firmware below the boot loader is UEFI, as far as the boot loader tells.
  public internal(set) var isUEFI = false

  /// Pieces that were malformed or too many, and left out.
  public internal(set) var ignoredCount = 0

  /// Reads what the boot loader left.
  ///
  /// - Parameters:
  ///   - magic: EAX at the kernel's entry.
  ///   - address: EBX at the kernel's entry.
  public init(
    magic: UInt32, address: HostPhysicalAddress, memory: some PhysicalMemory
  ) throws(BootInformationError) {
    var ranges = BoundedList<256, MemoryMap.Entry>(filler: .filler)
    switch magic {
    case Self.multiboot1Magic: try readMultiboot1(address, memory, &ranges)
    case Self.multiboot2Magic: try readMultiboot2(address, memory, &ranges)
    default: throw .unknownMagic(magic)
    }
    guard !ranges.isEmpty else { throw .noMemoryMap }
    memoryMap = MemoryMap(ranges.span)
  }

  /// Takes one line of the firmware's memory map.
  ///
  /// One that claims RAM past the end of the address space is left out; any other of that length ends there.
  mutating func add(
    base: UInt64, length: UInt64, type: UInt32, to ranges: inout BoundedList<256, MemoryMap.Entry>
  ) throws(BootInformationError) {
    guard length > 0 else { return }
    let kind = MemoryMap.Kind(firmwareType: type)
    let (end, overflow) = base.addingReportingOverflow(length)
    guard !overflow || kind != .usable else { return ignoredCount += 1 }
    let range = HostPhysicalAddress(base)..<HostPhysicalAddress(overflow ? .max : end)
    guard ranges.append(MemoryMap.Entry(range, kind)) else { throw .memoryMapTooLong }
  }

  /// Takes the two sizes that stand for a memory map where there is none, in KiB: from 0, and from 1 MiB.
  mutating func add(
    lowerKiB: UInt32, upperKiB: UInt32, to ranges: inout BoundedList<256, MemoryMap.Entry>
  ) throws(BootInformationError) {
    try add(base: 0, length: UInt64(min(lowerKiB, 640)) << 10, type: 1, to: &ranges)
    try add(base: 1 << 20, length: UInt64(upperKiB) << 10, type: 1, to: &ranges)
  }

  /// Takes a module of the bytes from `start` up to `end`, unless they cannot be read.
  mutating func addModule(
    start: UInt32, end: UInt32, string: Range<HostPhysicalAddress>, _ memory: some PhysicalMemory
  ) {
    let (first, last) = (HostPhysicalAddress(UInt64(start)), HostPhysicalAddress(UInt64(end) &- 1))
    guard start <= end else { return ignoredCount += 1 }
    if start < end, memory.byte(at: first) == nil || memory.byte(at: last) == nil {
      return ignoredCount += 1
    }
    let bytes = first..<HostPhysicalAddress(UInt64(end))
    guard modules.append(BootModule(bytes: bytes, string: string)) else { return ignoredCount += 1 }
  }

  /// The text from `address` up to its NUL; an empty one, counted, where none stands within `limit` bytes.
  mutating func text(
    at address: HostPhysicalAddress, limit: UInt64, _ memory: some PhysicalMemory
  ) -> Range<HostPhysicalAddress> {
    var length: UInt64 = 0
    while length < limit, let byte = memory.byte(at: address + length) {
      guard byte != 0 else { return address..<(address + length) }
      length += 1
    }
    ignoredCount += 1
    return .nowhere
  }
}

extension Range<HostPhysicalAddress> {
  static let nowhere = HostPhysicalAddress(0)..<HostPhysicalAddress(0)
}

extension BootModule {
  static let filler = BootModule(bytes: .nowhere, string: .nowhere)
}
