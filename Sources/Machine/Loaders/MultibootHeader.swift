import Memory

/// The header by which a kernel asks for a multiboot 1 loader (Multiboot Specification 0.6.96, 3.1).
struct MultibootHeader {
  private static let magic: UInt32 = 0x1BAD_B002
  /// The header lies in this many bytes at the start of the image.
  private static let searchLimit = 8192

  /// Flags 2…15 are requirements that only a loader with graphics (2) or a later one could meet.
  private static let unsupportedFlags: UInt32 = 0xFFFC
  private static let addressFlag: UInt32 = 1 << 16

  /// Offset of the header in the image.
  let offset: Int
  let flags: UInt32

  /// The first header in the image whose checksum is right, or nil where there is none.
  init?(searching image: Span<UInt8>) {
    for offset in stride(from: 0, through: min(Self.searchLimit, image.count) - 12, by: 4)
    where image.littleEndian(UInt32.self, at: offset) == Self.magic {
      if let flags = image.littleEndian(UInt32.self, at: offset + 4),
        let checksum = image.littleEndian(UInt32.self, at: offset + 8),
        Self.magic &+ flags &+ checksum == 0
      {
        self.offset = offset
        self.flags = flags
        return
      }
    }
    return nil
  }

  /// Throws where the kernel insists on something that a loader for a serial-console guest has not.
  func checkRequirements() throws(LoaderError) {
    let unsupported = flags & Self.unsupportedFlags
    guard unsupported == 0 else { throw .unsupportedMultibootFlags(unsupported) }
  }

  /// Whether the header itself, and no ELF header, says what to load.
  var hasAddresses: Bool { flags & Self.addressFlag != 0 }

  /// Entry point that the header gives along with the addresses.
  func entry(in image: Span<UInt8>) throws(LoaderError) -> UInt64 {
    UInt64(try image.field(UInt32.self, at: offset + 28))
  }

  /// What a header with addresses asks to load (3.1.3).
  func segment(in image: Span<UInt8>) throws(LoaderError) -> KernelSegment {
    let headerAddress = UInt64(try image.field(UInt32.self, at: offset + 12))
    let loadAddress = UInt64(try image.field(UInt32.self, at: offset + 16))
    let loadEnd = UInt64(try image.field(UInt32.self, at: offset + 20))
    let zeroEnd = UInt64(try image.field(UInt32.self, at: offset + 24))
    guard headerAddress >= loadAddress, headerAddress - loadAddress <= UInt64(offset) else {
      throw .malformed(.multibootAddresses)
    }
    let fileOffset = UInt64(offset) - (headerAddress - loadAddress)
    let dataEnd = loadEnd == 0 ? loadAddress + UInt64(image.count) - fileOffset : loadEnd
    let end = zeroEnd == 0 ? dataEnd : zeroEnd
    guard loadAddress < dataEnd, dataEnd <= end else { throw .malformed(.multibootAddresses) }
    return KernelSegment(
      fileOffset: fileOffset, fileSize: dataEnd - loadAddress, virtualAddress: loadAddress,
      address: loadAddress, memorySize: end - loadAddress)
  }
}
