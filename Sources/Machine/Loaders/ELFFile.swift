import Memory

/// The headers of an ELF executable for x86, 32-bit or 64-bit (System V ABI, chapters 4 and 5).
struct ELFFile: ~Escapable {
  let image: Span<UInt8>
  let is64Bit: Bool
  /// The entry point as the header has it: virtual or physical, depending on who linked the file.
  let entry: UInt64
  let headerCount: Int
  private let headerSize: Int
  private let tableOffset: Int

  private struct ProgramHeader {
    var type: UInt32
    var alignment: UInt64
    var segment: KernelSegment

    static let load: UInt32 = 1
    static let note: UInt32 = 4
  }

  /// Whether the image starts as ELF files do.
  static func isSigned(_ image: Span<UInt8>) -> Bool {
    image.littleEndian(UInt32.self, at: 0) == 0x464C_457F
  }

  @_lifetime(copy image)
  init(_ image: Span<UInt8>) throws(LoaderError) {
    let fileClass = try image.field(UInt8.self, at: 4)
    let byteOrder = try image.field(UInt8.self, at: 5)
    let machine = try image.field(UInt16.self, at: 18)
    let offset: UInt64
    switch (fileClass, byteOrder, machine) {
    case (1, 1, 3):
      is64Bit = false
      entry = UInt64(try image.field(UInt32.self, at: 24))
      offset = UInt64(try image.field(UInt32.self, at: 28))
      headerSize = Int(try image.field(UInt16.self, at: 42))
      headerCount = Int(try image.field(UInt16.self, at: 44))
    case (2, 1, 62):
      is64Bit = true
      entry = try image.field(UInt64.self, at: 24)
      offset = try image.field(UInt64.self, at: 32)
      headerSize = Int(try image.field(UInt16.self, at: 54))
      headerCount = Int(try image.field(UInt16.self, at: 56))
    default:
      throw .malformed(.elfHeader)
    }
    guard headerSize >= (is64Bit ? 56 : 32) else { throw .malformed(.elfHeader) }
    try image.require(UInt64(headerSize * headerCount), at: offset)
    tableOffset = Int(offset)
    self.image = image
  }

  /// Program header `index`, if it is a segment to load that occupies memory.
  func segment(_ index: Int) throws(LoaderError) -> KernelSegment? {
    let header = try programHeader(index)
    let segment = header.segment
    guard header.type == ProgramHeader.load, segment.memorySize > 0 else { return nil }
    guard segment.fileSize <= segment.memorySize,
      !segment.address.addingReportingOverflow(segment.memorySize).overflow
    else { throw .malformed(.segmentSize) }
    return segment
  }

  /// The physical address of the entry point: the header's own, moved along with the segment whose
  /// virtual addresses it lies in, if there is one.
  func physicalEntry() throws(LoaderError) -> UInt64 {
    for index in 0..<headerCount {
      guard let segment = try segment(index), entry >= segment.virtualAddress else { continue }
      let offset = entry - segment.virtualAddress
      if offset < segment.memorySize { return segment.address + offset }
    }
    return entry
  }

  /// The physical entry point that a PVH kernel announces in a note (Xen, docs/misc/pvh.pandoc), or nil
  /// where there is no such note.
  func pvhEntry() throws(LoaderError) -> UInt64? {
    try firstNote { owner, type, value throws(LoaderError) in
      guard type == Self.physicalEntryNote, owner.count == 4,
        owner.littleEndian(UInt32.self, at: 0) == 0x006E_6558
      else { return nil }
      let entry =
        value.count == 8
        ? value.littleEndian(UInt64.self, at: 0)
        : value.littleEndian(UInt32.self, at: 0).map { UInt64($0) }
      guard let entry, value.count == 4 || value.count == 8, entry <= UInt32.max else {
        throw .malformed(.pvhNote)
      }
      return entry
    }
  }

  /// Whether this is Linux, which has a note by that owner (include/linux/build-salt.h).
  func isLinux() throws(LoaderError) -> Bool {
    try firstNote { owner, _, _ throws(LoaderError) in
      owner.count == 6 && owner.littleEndian(UInt32.self, at: 0) == 0x756E_694C
        && owner.littleEndian(UInt16.self, at: 4) == 0x0078 ? true : nil
    } ?? false
  }

  /// Type of the note by "Xen" that holds the entry (xen/include/public/elfnote.h, PHYS32_ENTRY).
  private static let physicalEntryNote: UInt32 = 18

  /// What `body` says of the first note of which it says something. It is given the owner's name with its NUL,
  /// the type, and the value, which is empty where the file does not hold all of it.
  private func firstNote<Answer>(
    _ body: (_ owner: Span<UInt8>, _ type: UInt32, _ value: Span<UInt8>) throws(LoaderError) -> Answer?
  ) throws(LoaderError) -> Answer? {
    for index in 0..<headerCount {
      let header = try programHeader(index)
      guard header.type == ProgramHeader.note else { continue }
      let segment = header.segment
      try image.require(segment.fileSize, at: segment.fileOffset)
      let start = Int(segment.fileOffset)
      let notes = image.extracting(start..<start + Int(segment.fileSize))
      let alignment = header.alignment == 8 ? 8 : 4
      var offset = 0
      while let nameSize = notes.littleEndian(UInt32.self, at: offset),
        let size = notes.littleEndian(UInt32.self, at: offset + 4),
        let type = notes.littleEndian(UInt32.self, at: offset + 8)
      {
        let name = offset + 12
        let value = (name + Int(nameSize) + alignment - 1) & -alignment
        let end = value + Int(size)
        if name + Int(nameSize) <= notes.count {
          let held = end <= notes.count ? value..<end : 0..<0
          let answer = try body(
            notes.extracting(name..<name + Int(nameSize)), type, notes.extracting(held))
          if let answer { return answer }
        }
        offset = (end + alignment - 1) & -alignment
      }
    }
    return nil
  }

  private func programHeader(_ index: Int) throws(LoaderError) -> ProgramHeader {
    let base = tableOffset + index * headerSize
    let type = try image.field(UInt32.self, at: base)
    guard is64Bit else {
      return ProgramHeader(
        type: type,
        alignment: UInt64(try image.field(UInt32.self, at: base + 28)),
        segment: KernelSegment(
          fileOffset: UInt64(try image.field(UInt32.self, at: base + 4)),
          fileSize: UInt64(try image.field(UInt32.self, at: base + 16)),
          virtualAddress: UInt64(try image.field(UInt32.self, at: base + 8)),
          address: UInt64(try image.field(UInt32.self, at: base + 12)),
          memorySize: UInt64(try image.field(UInt32.self, at: base + 20))))
    }
    return ProgramHeader(
      type: type,
      alignment: try image.field(UInt64.self, at: base + 48),
      segment: KernelSegment(
        fileOffset: try image.field(UInt64.self, at: base + 8),
        fileSize: try image.field(UInt64.self, at: base + 32),
        virtualAddress: try image.field(UInt64.self, at: base + 16),
        address: try image.field(UInt64.self, at: base + 24),
        memorySize: try image.field(UInt64.self, at: base + 40)))
  }
}
