import Memory

// Multiboot 1 (Multiboot Specification 0.6.96, 3.2 and 3.3).

extension GuestLoader {
  private enum MultibootInformation {
    /// What the kernel finds in EAX.
    static let magic: UInt64 = 0x2BAD_B002
    /// Memory sizes, command line, modules, memory map, name of the loader.
    static let flags: UInt32 = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9
    static let size: UInt64 = 120
    static let moduleEntrySize: UInt64 = 16
    static let mapEntrySize: UInt32 = 24
    /// "Big Iron" in ASCII, stored behind the information.
    static let loaderName: UInt64 = 0x6E6F_7249_2067_6942
  }

  static func load<RAM: GuestMemory & ~Copyable, Modules: BootModules & ~Copyable>(
    _ header: MultibootHeader, in image: Span<UInt8>, elf: ELFFile?, commandLine: Span<UInt8>,
    modules: borrowing Modules, map: GuestMemoryMap, into memory: inout RAM
  ) throws(LoaderError) -> InitialState {
    try header.checkRequirements()
    let segments: KernelSegments
    let entry: UInt64
    if header.hasAddresses {
      segments = .flat(try header.segment(in: image), image: image)
      entry = try header.entry(in: image)
    } else {
      guard let elf else { throw .notAKernel }
      guard !elf.is64Bit else { throw .noPVHNote }
      segments = .elf(elf)
      entry = try elf.physicalEntry()
    }
    let end = try segments.check(entry: entry, map: map)
    let placement = ModulePlacement(from: end, limit: map.extendedRange.upperBound)
    try placement.check(modules)
    var state = InitialState(mode: .protected32, rip: entry)
    state.rax = MultibootInformation.magic
    state.rbx = BootLayout.information.value

    do throws(GuestMemoryError) {
      try segments.store(to: &memory)
      try KernelCommandLine(commandLine).store(to: &memory)
      try placement.store(modules, to: &memory) { index, module, string, memory throws(GuestMemoryError) in
        let entry = BootLayout.moduleList + UInt64(index) * MultibootInformation.moduleEntrySize
        try memory.store(UInt32(module.lowerBound), at: entry)
        try memory.store(UInt32(module.upperBound), at: entry + 4)
        try memory.store(UInt32(string.value), at: entry + 8)
        try memory.store(UInt32(0), at: entry + 12)
      }
      try storeMultibootInformation(moduleCount: modules.count, map: map, to: &memory)
      try state.storeDescriptors(to: &memory)
    } catch {
      throw LoaderError(error)
    }
    return state
  }

  private static func storeMultibootInformation<RAM: GuestMemory & ~Copyable>(
    moduleCount: Int, map: GuestMemoryMap, to memory: inout RAM
  ) throws(GuestMemoryError) {
    let entries = map.entries
    for index in 0..<entries.count {
      let entry = BootLayout.memoryMap + UInt64(index) * UInt64(MultibootInformation.mapEntrySize)
      try memory.store(MultibootInformation.mapEntrySize - 4, at: entry)
      try memory.store(entries[index].range.lowerBound, at: entry + 4)
      try memory.store(UInt64(entries[index].range.count), at: entry + 12)
      try memory.store(entries[index].kind.rawValue, at: entry + 20)
    }
    let information = BootLayout.information
    let name = information + MultibootInformation.size
    try memory.clear(information, count: MultibootInformation.size)
    try memory.store(MultibootInformation.loaderName, at: name)
    try memory.store(UInt8(0), at: name + 8)
    try memory.store(MultibootInformation.flags, at: information)
    try memory.store(UInt32(GuestMemoryMap.legacyHole.lowerBound >> 10), at: information + 4)
    try memory.store(UInt32(map.extendedRange.count >> 10), at: information + 8)
    try memory.store(UInt32(BootLayout.commandLine.lowerBound), at: information + 16)
    try memory.store(UInt32(moduleCount), at: information + 20)
    try memory.store(UInt32(BootLayout.moduleList.value), at: information + 24)
    try memory.store(UInt32(entries.count) * MultibootInformation.mapEntrySize, at: information + 44)
    try memory.store(UInt32(BootLayout.memoryMap.value), at: information + 48)
    try memory.store(UInt32(name.value), at: information + 64)
  }
}
