/// Small kernels of each format; what the tests vary is a parameter.
enum KernelImages {
  /// A bzImage of one setup sector and 1 KiB of code.
  static func bzImage(
    version: Int = 0x020F, flags: Int = 0x7F, preferredAddress: Int = 0x20_0000, alignment: Int = 0x20_0000,
    initSize: Int = 0x10_0000, relocatable: Bool = true, commandLineSize: Int = 2047
  ) -> [UInt8] {
    var image = [UInt8](repeating: 0, count: 2 * 512 + 1024)
    for index in 2 * 512..<image.count { image[index] = UInt8(truncatingIfNeeded: index * 7 + 1) }
    image.set(UInt8(1), at: 0x1F1)
    image.set(UInt32(1024 / 16), at: 0x1F4)
    image.set(UInt16(0xAA55), at: 0x1FE)
    image.set([0xEB, 0x6A], at: 0x200)
    image.set(Array("HdrS".utf8), at: 0x202)
    image.set(UInt16(version), at: 0x206)
    image.set(UInt8(0x01), at: 0x211)
    image.set(UInt32(0x7FFF_FFFF), at: 0x22C)
    image.set(UInt32(truncatingIfNeeded: alignment), at: 0x230)
    image.set(UInt8(relocatable ? 1 : 0), at: 0x234)
    image.set(UInt16(flags), at: 0x236)
    image.set(UInt32(truncatingIfNeeded: commandLineSize), at: 0x238)
    image.set(UInt64(truncatingIfNeeded: preferredAddress), at: 0x258)
    image.set(UInt32(truncatingIfNeeded: initSize), at: 0x260)
    return image
  }

  struct Segment {
    var address: Int
    var bytes: [UInt8]
    var memorySize: Int
    var virtualBase = 0
  }

  /// An ELF64 file with these segments to load and, for an entry, a PVH note behind others, of which Linux
  /// has one more.
  static func pvh(
    entry: Int?, noteAlignment: Int = 4, isLinux: Bool = false, _ segments: [Segment]
  ) -> [UInt8] {
    var image: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1]
    image.set(UInt16(2), at: 16)
    image.set(UInt16(62), at: 18)
    image.set(UInt64(0xFFFF_FFFF_8100_0000), at: 24)
    image.set(UInt64(64), at: 32)
    image.set(UInt16(56), at: 54)
    image.set(UInt16(segments.count + 1), at: 56)
    var offset = 64 + 56 * (segments.count + 1)
    for (index, segment) in segments.enumerated() {
      let header = 64 + 56 * index
      image.set(UInt32(1), at: header)
      image.set(UInt64(offset), at: header + 8)
      image.set(UInt64(truncatingIfNeeded: segment.address + segment.virtualBase), at: header + 16)
      image.set(UInt64(truncatingIfNeeded: segment.address), at: header + 24)
      image.set(UInt64(segment.bytes.count), at: header + 32)
      image.set(UInt64(truncatingIfNeeded: segment.memorySize), at: header + 40)
      image.set(segment.bytes, at: offset)
      offset += segment.bytes.count
    }
    offset = (offset + 7) & ~7
    var notes: [UInt8] = []
    func add(name: [UInt8], type: Int, value: [UInt8]) {
      let base = (notes.count + noteAlignment - 1) & -noteAlignment
      notes.set(UInt32(name.count), at: base)
      notes.set(UInt32(value.count), at: base + 4)
      notes.set(UInt32(type), at: base + 8)
      notes.set(name, at: base + 12)
      notes.set(value, at: (base + 12 + name.count + noteAlignment - 1) & -noteAlignment)
    }
    add(name: Array("GNU\0".utf8), type: 18, value: [1, 2, 3])
    if isLinux { add(name: Array("Linux\0".utf8), type: 0x100, value: Array("salt\0".utf8)) }
    if let entry {
      var value: [UInt8] = []
      value.set(UInt32(entry), at: 0)
      add(name: Array("Xen\0".utf8), type: 18, value: value)
    }
    let header = 64 + 56 * segments.count
    image.set(UInt32(4), at: header)
    image.set(UInt64(offset), at: header + 8)
    image.set(UInt64(notes.count), at: header + 32)
    image.set(UInt64(notes.count), at: header + 40)
    image.set(UInt64(noteAlignment), at: header + 48)
    image.set(notes, at: offset)
    return image
  }

  /// An ELF32 file whose first segment opens with a multiboot header.
  static func multibootELF(entry: Int, flags: UInt32 = 3, _ segments: [Segment]) -> [UInt8] {
    var image: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1]
    image.set(UInt16(2), at: 16)
    image.set(UInt16(3), at: 18)
    image.set(UInt32(entry), at: 24)
    image.set(UInt32(52), at: 28)
    image.set(UInt16(32), at: 42)
    image.set(UInt16(segments.count), at: 44)
    var offset = 52 + 32 * segments.count
    for (index, segment) in segments.enumerated() {
      let header = 52 + 32 * index
      let bytes = index == 0 ? multibootHeader(flags: flags) + segment.bytes : segment.bytes
      image.set(UInt32(1), at: header)
      image.set(UInt32(offset), at: header + 4)
      image.set(UInt32(truncatingIfNeeded: segment.address + segment.virtualBase), at: header + 8)
      image.set(UInt32(truncatingIfNeeded: segment.address), at: header + 12)
      image.set(UInt32(bytes.count), at: header + 16)
      image.set(UInt32(truncatingIfNeeded: segment.memorySize), at: header + 20)
      image.set(bytes, at: offset)
      offset += bytes.count
    }
    return image
  }

  static func multibootHeader(flags: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.set(UInt32(0x1BAD_B002), at: 0)
    bytes.set(flags, at: 4)
    bytes.set(0 &- 0x1BAD_B002 &- flags, at: 8)
    return bytes
  }

  /// A kernel that is no ELF file: `prefix` bytes that are not loaded, then at `load` a few loaded bytes
  /// and the header with its five addresses.
  static func multibootFlat(
    prefix: Int = 64, load: Int = 0x10_0000, loadEnd: Int, zeroEnd: Int, entry: Int, code: [UInt8]
  ) -> [UInt8] {
    var image = [UInt8](repeating: 0xCC, count: prefix + 16)
    image += multibootHeader(flags: 1 << 16 | 3)
    for address in [load + 16, load, loadEnd, zeroEnd, entry] { image.set(UInt32(address), at: image.count) }
    return image + code
  }
}
