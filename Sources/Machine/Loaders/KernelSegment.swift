import Memory

/// A part of a kernel's image and its place in guest memory.
struct KernelSegment {
  var fileOffset: UInt64
  var fileSize: UInt64
  var virtualAddress: UInt64
  var address: UInt64
  /// At least `fileSize` in a segment to load; what the file does not fill is zero.
  var memorySize: UInt64

  /// One past the last byte in memory; whoever makes a segment to load sees to it that it does not wrap.
  var end: UInt64 { address + memorySize }

  /// Throws unless the segment's bytes are in the image and its place is usable RAM below 4 GiB that the
  /// loader does not need itself.
  func check(in image: Span<UInt8>, map: GuestMemoryMap) throws(LoaderError) {
    try image.require(fileSize, at: fileOffset)
    let low = 0..<GuestMemoryMap.legacyHole.lowerBound
    let usable = low.contains(address) ? low : map.extendedRange
    guard usable.contains(address) else { throw .segmentOutsideRAM(GuestPhysicalAddress(address)) }
    guard end <= usable.upperBound else {
      throw .segmentOutsideRAM(GuestPhysicalAddress(usable.upperBound))
    }
    guard !BootLayout.reserved.overlaps(address..<end) else {
      throw .overlapsBootStructures(GuestPhysicalAddress(max(address, BootLayout.reserved.lowerBound)))
    }
  }

  /// Writes the segment, which has passed `check`.
  func store<RAM: GuestMemory & ~Copyable>(
    from image: Span<UInt8>, to memory: inout RAM
  ) throws(GuestMemoryError) {
    let start = Int(fileOffset)
    try memory.write(
      image.extracting(start..<start + Int(fileSize)), to: GuestPhysicalAddress(address))
    try memory.clear(GuestPhysicalAddress(address + fileSize), count: memorySize - fileSize)
  }
}
