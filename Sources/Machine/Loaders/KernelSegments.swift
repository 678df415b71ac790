import Memory

/// Everything of a kernel's image that is to be loaded: an ELF file's segments, or one that a multiboot
/// header describes.
enum KernelSegments: ~Escapable {
  case elf(ELFFile)
  case flat(KernelSegment, image: Span<UInt8>)

  /// Throws unless every segment can be loaded and `entry` is inside one.
  ///
  /// - Returns: the first address from 1 MiB on that no segment reaches.
  func check(entry: UInt64, map: GuestMemoryMap) throws(LoaderError) -> UInt64 {
    var end = map.extendedRange.lowerBound
    var holdsEntry = false
    switch self {
    case .elf(let file):
      for index in 0..<file.headerCount {
        guard let segment = try file.segment(index) else { continue }
        try segment.check(in: file.image, map: map)
        end = max(end, segment.end)
        holdsEntry = holdsEntry || (segment.address..<segment.end).contains(entry)
      }
    case .flat(let segment, let image):
      try segment.check(in: image, map: map)
      end = max(end, segment.end)
      holdsEntry = (segment.address..<segment.end).contains(entry)
    }
    guard holdsEntry else { throw .entryOutsideKernel(GuestPhysicalAddress(entry)) }
    return end
  }

  /// Writes the segments, which have passed `check`.
  func store<RAM: GuestMemory & ~Copyable>(to memory: inout RAM) throws(GuestMemoryError) {
    switch self {
    case .elf(let file):
      for index in 0..<file.headerCount {
        // `check` has read every header.
        guard let segment = try? file.segment(index) else { continue }
        try segment.store(from: file.image, to: &memory)
      }
    case .flat(let segment, let image):
      try segment.store(from: image, to: &memory)
    }
  }
}
