import Memory

/// Loads the guest's kernel: recognises the format of the image, puts the kernel, its modules and what its
/// boot protocol asks for into guest memory, and says in which state the boot vCPU starts.
///
/// Three formats, looked for in this order: a Linux bzImage (64-bit boot protocol), an ELF64 file with a PVH
/// note, and anything with a multiboot 1 header. Every load has two halves. The first only reads the image
/// and decides; whatever is wrong with the image, the command line or the modules is thrown there, before
/// guest memory has changed. The second only writes. `BootLayout` shows where everything goes.
///
/// The image is taken to be hostile: every field is checked before it is used as an address or a size.
public enum GuestLoader {
  /// Loads `kernel` with its command line (bytes without a terminator) and modules.
  ///
  /// `memory` is what `map` describes and reads as zero where nothing was written. A bzImage takes one
  /// module, its initrd; a PVH kernel's initrd is its first. `linuxTSC` is the TSC's rate where Linux needs to
  /// be told: it gets a word on its command line, and other kernels do not.
  public static func load<RAM: GuestMemory & ~Copyable, Modules: BootModules & ~Copyable>(
    kernel: Span<UInt8>, commandLine: Span<UInt8>, modules: borrowing Modules, map: GuestMemoryMap,
    linuxTSC: TSCFrequency?, into memory: inout RAM
  ) throws(LoaderError) -> InitialState {
    try checkCommandLine(commandLine, limit: BootLayout.maximumCommandLine)
    try checkModules(modules)
    if BzImage.isSigned(kernel) {
      return try load(
        BzImage(kernel), commandLine: commandLine, modules: modules, map: map, linuxTSC: linuxTSC,
        into: &memory)
    }
    let elf = try ELFFile.isSigned(kernel) ? ELFFile(kernel) : nil
    if let elf, elf.is64Bit, let entry = try elf.pvhEntry() {
      let isTold = try linuxTSC == nil ? false : elf.isLinux()
      return try load(
        elf, pvhEntry: entry, commandLine: commandLine, modules: modules, map: map,
        linuxTSC: isTold ? linuxTSC : nil, into: &memory)
    }
    guard let header = MultibootHeader(searching: kernel) else {
      guard let elf else { throw .notAKernel }
      throw elf.is64Bit ? .noPVHNote : .noMultibootHeader
    }
    return try load(
      header, in: kernel, elf: elf, commandLine: commandLine, modules: modules, map: map, into: &memory)
  }

  static func checkCommandLine(_ commandLine: Span<UInt8>, limit: Int) throws(LoaderError) {
    guard commandLine.count <= limit else {
      throw .commandLineTooLong(count: commandLine.count, limit: limit)
    }
  }

  private static func checkModules<Modules: BootModules & ~Copyable>(
    _ modules: borrowing Modules
  ) throws(LoaderError) {
    guard modules.count <= BootLayout.maximumModules else {
      throw .tooManyModules(count: modules.count, limit: BootLayout.maximumModules)
    }
    var room = BootLayout.moduleStrings.count
    for index in 0..<modules.count {
      modules.withModule(index) { _, string in room -= min(string.count, room) + 1 }
      guard room >= 0 else { throw .moduleStringsTooLong(limit: BootLayout.moduleStrings.count) }
    }
  }
}
