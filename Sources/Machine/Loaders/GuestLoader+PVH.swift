import Memory

// The PVH entry of an ELF64 kernel (Xen, docs/misc/pvh.pandoc; the structures from
// xen/include/public/arch-x86/hvm/start_info.h).

extension GuestLoader {
  private enum StartInformation {
    static let magic: UInt32 = 0x336E_C578
    static let version: UInt32 = 1
    static let size: UInt64 = 56
    static let moduleEntrySize: UInt64 = 32
    static let mapEntrySize: UInt64 = 24
  }

  /// Most bytes of a command line that Linux takes, where there is no header to say so (COMMAND_LINE_SIZE in
  /// arch/x86/include/asm/setup.h counts the terminator too). It cuts off what is longer.
  private static let maximumLinuxCommandLine = 2047

  static func load<RAM: GuestMemory & ~Copyable, Modules: BootModules & ~Copyable>(
    _ file: ELFFile, pvhEntry entry: UInt64, commandLine: Span<UInt8>, modules: borrowing Modules,
    map: GuestMemoryMap, linuxTSC: TSCFrequency?, into memory: inout RAM
  ) throws(LoaderError) -> InitialState {
    var commandLine = KernelCommandLine(commandLine)
    if let linuxTSC { commandLine.addLinuxTSC(linuxTSC, limit: maximumLinuxCommandLine) }
    let segments = KernelSegments.elf(file)
    let end = try segments.check(entry: entry, map: map)
    let placement = ModulePlacement(from: end, limit: map.extendedRange.upperBound)
    try placement.check(modules)
    var state = InitialState(mode: .protected32, rip: entry)
    state.rbx = BootLayout.information.value

    do throws(GuestMemoryError) {
      try segments.store(to: &memory)
      try commandLine.store(to: &memory)
      try placement.store(modules, to: &memory) { index, module, string, memory throws(GuestMemoryError) in
        let entry = BootLayout.moduleList + UInt64(index) * StartInformation.moduleEntrySize
        try memory.store(module.lowerBound, at: entry)
        try memory.store(UInt64(module.count), at: entry + 8)
        try memory.store(string.value, at: entry + 16)
        try memory.store(UInt64(0), at: entry + 24)
      }
      let entries = map.entries
      for index in 0..<entries.count {
        let entry = BootLayout.memoryMap + UInt64(index) * StartInformation.mapEntrySize
        try memory.store(entries[index].range.lowerBound, at: entry)
        try memory.store(UInt64(entries[index].range.count), at: entry + 8)
        try memory.store(entries[index].kind.rawValue, at: entry + 16)
        try memory.store(UInt32(0), at: entry + 20)
      }
      let information = BootLayout.information
      try memory.clear(information, count: StartInformation.size)
      try memory.store(StartInformation.magic, at: information)
      try memory.store(StartInformation.version, at: information + 4)
      try memory.store(UInt32(modules.count), at: information + 12)
      try memory.store(modules.count > 0 ? BootLayout.moduleList.value : 0, at: information + 16)
      try memory.store(BootLayout.commandLine.lowerBound, at: information + 24)
      try memory.store(BootLayout.rootPointer.value, at: information + 32)
      try memory.store(BootLayout.memoryMap.value, at: information + 40)
      try memory.store(UInt32(entries.count), at: information + 48)
      try state.storeDescriptors(to: &memory)
    } catch {
      throw LoaderError(error)
    }
    return state
  }
}
