import Memory

/// Gives each module its place: the first page boundary after what precedes it.
///
/// A load runs it twice with the same start, once to see whether all fit and once to write them.
struct ModulePlacement {
  private var next: UInt64
  private let limit: UInt64

  /// Places modules from `start` (at most 2⁶³) on and below `limit`.
  init(from start: UInt64, limit: UInt64) {
    next = start
    self.limit = limit
  }

  /// Bytes that the next module can have.
  var available: UInt64 {
    let start = alignedNext
    return start < limit ? limit - start : 0
  }

  private var alignedNext: UInt64 { (next + pageSize - 1) & ~(pageSize - 1) }

  /// The address of a module of `size` bytes, or nil where it does not fit.
  mutating func place(size: UInt64) -> GuestPhysicalAddress? {
    guard size <= available else { return nil }
    let start = alignedNext
    next = start + size
    return GuestPhysicalAddress(start)
  }

  /// Throws where `modules` do not all fit.
  func check<Modules: BootModules & ~Copyable>(
    _ modules: borrowing Modules
  ) throws(LoaderError) {
    var placement = self
    for index in 0..<modules.count {
      let size = modules.size(index)
      guard placement.place(size: size) != nil else {
        throw .moduleDoesNotFit(index: index, needed: size, available: placement.available)
      }
    }
  }

  /// Writes `modules`, which fit, and their strings; `storeEntry` writes each one's line of the list.
  func store<Modules: BootModules & ~Copyable, RAM: GuestMemory & ~Copyable>(
    _ modules: borrowing Modules, to memory: inout RAM,
    storeEntry: (
      _ index: Int, _ module: Range<UInt64>, _ string: GuestPhysicalAddress, _ memory: inout RAM
    ) throws(GuestMemoryError) -> Void
  ) throws(GuestMemoryError) {
    var placement = self
    var nextString = GuestPhysicalAddress(BootLayout.moduleStrings.lowerBound)
    for index in 0..<modules.count {
      let size = modules.size(index)
      guard let address = placement.place(size: size) else { return }
      let string = nextString
      try modules.withModule(index) { bytes, text throws(GuestMemoryError) in
        try memory.write(bytes, to: address)
        try memory.write(text, to: string)
        try memory.store(UInt8(0), at: string + UInt64(text.count))
        nextString = string + UInt64(text.count) + 1
      }
      try storeEntry(index, address.value..<address.value + size, string, &memory)
    }
  }
}

extension BootModules where Self: ~Copyable {
  /// Bytes of module `index`.
  func size(_ index: Int) -> UInt64 {
    var size: UInt64 = 0
    withModule(index) { bytes, _ in size = UInt64(bytes.count) }
    return size
  }
}
