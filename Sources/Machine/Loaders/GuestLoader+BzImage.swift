import Memory

// Linux's 64-bit boot protocol (Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"; offsets in
// boot_params from Documentation/arch/x86/zero-page.rst).

extension GuestLoader {
  private enum BootParameters {
    static let rootPointer: UInt64 = 0x70
    static let initrdAddressHigh: UInt64 = 0xC0
    static let initrdSizeHigh: UInt64 = 0xC4
    static let mapCount: UInt64 = 0x1E8
    static let loaderType: UInt64 = 0x210
    static let initrdAddress: UInt64 = 0x218
    static let initrdSize: UInt64 = 0x21C
    static let commandLine: UInt64 = 0x228
    static let map: UInt64 = 0x2D0

    static let mapEntrySize: UInt64 = 20
    /// A boot loader without a number of its own.
    static let unknownLoader: UInt8 = 0xFF
  }

  static func load<RAM: GuestMemory & ~Copyable, Modules: BootModules & ~Copyable>(
    _ image: borrowing BzImage, commandLine: Span<UInt8>, modules: borrowing Modules, map: GuestMemoryMap,
    linuxTSC: TSCFrequency?, into memory: inout RAM
  ) throws(LoaderError) -> InitialState {
    try checkCommandLine(commandLine, limit: image.maximumCommandLine)
    var commandLine = KernelCommandLine(commandLine)
    if let linuxTSC {
      commandLine.addLinuxTSC(linuxTSC, limit: min(image.maximumCommandLine, BootLayout.maximumCommandLine))
    }
    guard modules.count <= 1 else { throw .tooManyModules(count: modules.count, limit: 1) }
    let kernel = try image.place(in: map)
    let placement = try placeInitrd(modules, after: kernel.upperBound, for: image, map: map)
    var state = InitialState(
      mode: .long64(pageTables: BootLayout.pageTables), rip: kernel.lowerBound + BzImage.entryOffset)
    state.rsi = BootLayout.information.value

    do throws(GuestMemoryError) {
      try memory.write(image.code, to: GuestPhysicalAddress(kernel.lowerBound))
      let parameters = BootLayout.information
      try memory.clear(parameters, count: pageSize)
      try memory.write(image.header, to: parameters + UInt64(BzImage.headerOffset))
      try memory.store(BootParameters.unknownLoader, at: parameters + BootParameters.loaderType)
      try memory.store(BootLayout.rootPointer.value, at: parameters + BootParameters.rootPointer)
      try commandLine.store(to: &memory)
      try memory.store(
        UInt32(BootLayout.commandLine.lowerBound), at: parameters + BootParameters.commandLine)
      try storeMemoryMap(map, in: parameters, to: &memory)
      try placement.store(modules, to: &memory) { _, initrd, _, memory throws(GuestMemoryError) in
        let size = UInt64(initrd.count)
        try memory.store(
          UInt32(truncatingIfNeeded: initrd.lowerBound), at: parameters + BootParameters.initrdAddress)
        try memory.store(UInt32(initrd.lowerBound >> 32), at: parameters + BootParameters.initrdAddressHigh)
        try memory.store(UInt32(truncatingIfNeeded: size), at: parameters + BootParameters.initrdSize)
        try memory.store(UInt32(size >> 32), at: parameters + BootParameters.initrdSizeHigh)
      }
      try storeIdentityPageTables(to: &memory)
      try state.storeDescriptors(to: &memory)
    } catch {
      throw LoaderError(error)
    }
    return state
  }

  /// The initrd follows the kernel, or starts at 4 GiB where that is too tight and the kernel allows it.
  private static func placeInitrd<Modules: BootModules & ~Copyable>(
    _ modules: borrowing Modules, after kernelEnd: UInt64, for image: borrowing BzImage, map: GuestMemoryMap
  ) throws(LoaderError) -> ModulePlacement {
    let low = ModulePlacement(
      from: kernelEnd, limit: min(map.extendedRange.upperBound, image.maximumInitrdAddress + 1))
    let high = ModulePlacement(from: map.highRange.lowerBound, limit: map.highRange.upperBound)
    let useHigh =
      image.takesInitrdAbove4GiB && modules.count > 0 && modules.size(0) > low.available
      && high.available > low.available
    let placement = useHigh ? high : low
    try placement.check(modules)
    return placement
  }

  private static func storeMemoryMap<RAM: GuestMemory & ~Copyable>(
    _ map: GuestMemoryMap, in parameters: GuestPhysicalAddress, to memory: inout RAM
  ) throws(GuestMemoryError) {
    let entries = map.entries
    try memory.store(UInt8(entries.count), at: parameters + BootParameters.mapCount)
    for index in 0..<entries.count {
      let entry = entries[index]
      let address = parameters + BootParameters.map + UInt64(index) * BootParameters.mapEntrySize
      try memory.store(entry.range.lowerBound, at: address)
      try memory.store(UInt64(entry.range.count), at: address + 8)
      try memory.store(entry.kind.rawValue, at: address + 16)
    }
  }

  /// Maps the first 4 GiB to themselves in 2 MiB pages: one PML4, one page-directory-pointer table and
  /// four page directories (SDM Vol. 3A, 4.5.4).
  private static func storeIdentityPageTables<RAM: GuestMemory & ~Copyable>(
    to memory: inout RAM
  ) throws(GuestMemoryError) {
    let table: UInt64 = 0x3  // present, writable
    let page: UInt64 = 0x83  // and a 2 MiB page
    let root = BootLayout.pageTables
    let pointers = root + pageSize
    let directories = root + 2 * pageSize
    try memory.clear(root, count: 2 * pageSize)
    try memory.store(pointers.value | table, at: root)
    for index in 0..<4 as Range<UInt64> {
      try memory.store((directories + index * pageSize).value | table, at: pointers + index * 8)
    }
    for index in 0..<4 * 512 as Range<UInt64> {
      try memory.store(index << 21 | page, at: directories + index * 8)
    }
  }
}
