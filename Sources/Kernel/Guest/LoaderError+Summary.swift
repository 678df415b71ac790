import Machine

extension LoaderError {
  /// What is wrong and with which of the boot modules.
  var summary: LogLine {
    switch self {
    case .notAKernel: "guest kernel: neither a bzImage, an ELF file nor a Multiboot image"
    case .truncated(let needed, let available):
      "guest kernel: truncated: it has \(available) bytes, but its headers speak of \(needed)"
    case .malformed(let field): "guest kernel: malformed: \(field.name)"
    case .protocolTooOld(let version):
      "guest kernel: its boot protocol \(version >> 8).\(version & 0xFF) is older than 2.12"
    case .not64BitCapable: "guest kernel: this bzImage has no 64-bit entry point"
    case .noPVHNote: "guest kernel: a 64-bit ELF file without a PVH entry note"
    case .noMultibootHeader: "guest kernel: a 32-bit ELF file without a Multiboot header"
    case .unsupportedMultibootFlags(let flags):
      "guest kernel: its Multiboot header asks for what is not there (flags \(hex: flags))"
    case .segmentOutsideRAM(let address): "guest kernel: a segment lies outside RAM, at \(address)"
    case .overlapsBootStructures(let address):
      "guest kernel: a segment lies over the boot structures, at \(address)"
    case .entryOutsideKernel(let address): "guest kernel: its entry point \(address) is not in the kernel"
    case .kernelDoesNotFit(let needed, let available):
      "guest kernel: it needs \(needed >> 10) KiB of RAM where \(available >> 10) KiB are"
    case .commandLineTooLong(let count, let limit):
      "guest command line: \(count) bytes, but at most \(limit) fit"
    case .tooManyModules(let count, let limit): "guest modules: \(count), but at most \(limit) are taken"
    case .moduleStringsTooLong(let limit): "guest modules: their strings are longer than \(limit) bytes"
    case .moduleDoesNotFit(let index, let needed, let available):
      "guest module \(index + 1): it needs \(needed >> 10) KiB of RAM, but \(available >> 10) KiB are left"
    case .memoryMissing(let address): "guest memory: nothing stands behind \(address)"
    }
  }
}

extension LoaderError.MalformedField {
  fileprivate var name: StaticString {
    switch self {
    case .codeSize: "its code is too small for its entry point"
    case .kernelAlignment: "its alignment is not a power of two"
    case .elfHeader: "its ELF header is not for x86, or its program headers are too small"
    case .segmentSize: "an ELF segment has a size that cannot be"
    case .pvhNote: "its PVH note holds no 32-bit address"
    case .multibootAddresses: "its Multiboot addresses are out of order"
    }
  }
}
