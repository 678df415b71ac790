import Memory

/// The setup header of a Linux bzImage (Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header").
struct BzImage: ~Escapable {
  /// Bytes from 0x1F1 on as they are to be copied to boot_params.
  let header: Span<UInt8>
  /// The protected-mode code, which is what gets loaded.
  let code: Span<UInt8>
  let isRelocatable: Bool
  /// A power of two where the kernel is relocatable.
  let alignment: UInt64
  let preferredAddress: UInt64
  /// Bytes from its start on that the kernel needs before it looks at the memory map.
  let footprint: UInt64
  /// Most bytes of a command line, the terminator not counted.
  let maximumCommandLine: Int
  /// The highest address that the last byte of an initrd may have.
  let maximumInitrdAddress: UInt64
  let takesInitrdAbove4GiB: Bool

  /// Offset of the setup header, in the image and in boot_params.
  static let headerOffset = 0x1F1
  /// Offset of the 64-bit entry point in the code.
  static let entryOffset: UInt64 = 0x200
  /// Where boot_params has its next field after the setup header.
  private static let headerEnd = 0x290
  private static let oldestVersion: UInt16 = 0x020C

  /// Whether the image says that it is a bzImage.
  static func isSigned(_ image: Span<UInt8>) -> Bool {
    image.littleEndian(UInt16.self, at: 0x1FE) == 0xAA55
      && image.littleEndian(UInt32.self, at: 0x202) == 0x5372_6448
  }

  @_lifetime(copy image)
  init(_ image: Span<UInt8>) throws(LoaderError) {
    let version = try image.field(UInt16.self, at: 0x206)
    guard version >= Self.oldestVersion else { throw .protocolTooOld(version: version) }
    let flags = try image.field(UInt16.self, at: 0x236)
    guard flags & 1 != 0 else { throw .not64BitCapable }
    takesInitrdAbove4GiB = flags & 2 != 0

    let sectors = Int(try image.field(UInt8.self, at: 0x1F1))
    let codeStart = ((sectors == 0 ? 4 : sectors) + 1) * 512
    let codeSize = Int(try image.field(UInt32.self, at: 0x1F4)) * 16
    guard codeSize > Self.entryOffset else { throw .malformed(.codeSize) }
    try image.require(UInt64(codeSize), at: UInt64(codeStart))
    code = image.extracting(codeStart..<codeStart + codeSize)
    let end = min(0x202 + Int(try image.field(UInt8.self, at: 0x201)), Self.headerEnd)
    header = image.extracting(Self.headerOffset..<end)

    isRelocatable = try image.field(UInt8.self, at: 0x234) != 0
    alignment = UInt64(try image.field(UInt32.self, at: 0x230))
    guard !isRelocatable || alignment.nonzeroBitCount == 1 else { throw .malformed(.kernelAlignment) }
    preferredAddress = try image.field(UInt64.self, at: 0x258)
    footprint = max(UInt64(try image.field(UInt32.self, at: 0x260)), UInt64(codeSize))
    maximumCommandLine = Int(try image.field(UInt32.self, at: 0x238))
    maximumInitrdAddress = UInt64(try image.field(UInt32.self, at: 0x22C))
  }

  /// Where the kernel goes: the preferred address, or the next aligned one in the RAM from 1 MiB on.
  ///
  /// Never lower, because a relocatable kernel that finds itself below its preferred address moves there.
  func place(in map: GuestMemoryMap) throws(LoaderError) -> Range<UInt64> {
    let ram = map.extendedRange
    var start = preferredAddress
    if isRelocatable {
      let (rounded, overflow) = max(start, ram.lowerBound).addingReportingOverflow(alignment - 1)
      start = overflow ? .max : rounded & ~(alignment - 1)
    }
    let available = ram.contains(start) ? ram.upperBound - start : 0
    guard footprint <= available else { throw .kernelDoesNotFit(needed: footprint, available: available) }
    return start..<start + footprint
  }
}
