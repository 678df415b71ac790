import Machine
import Memory
import Support
import Testing

@Suite struct BzImageLoaderTests {
  @Test func startsInTheCodeWithBootParametersAndFlatSegments() throws {
    let image = KernelImages.bzImage()
    let trial = try LoaderTrial(image)
    let state = trial.state
    #expect(trial.bytes.get(0x20_0000..<0x20_0400) == image.get(2 * 512..<image.count))
    #expect(state.rip == 0x20_0200)
    #expect(state.rsi == 0x2000)
    #expect(state.codeDescriptor == 0x00AF_9B00_0000_FFFF)
    #expect(trial.descriptor(0) == 0)
    #expect(trial.descriptor(0x10) == state.codeDescriptor)
    #expect(trial.descriptor(0x18) == InitialState.dataDescriptor)
    #expect(state.cr0 == 0x8000_0011)
    #expect(state.cr4 == 0x20)
    #expect(state.efer == 0x500)
  }

  @Test func bootParametersHoldTheHeaderAndWhatTheLoaderAdds() throws {
    let image = KernelImages.bzImage()
    let trial = try LoaderTrial(
      image, commandLine: "console=ttyS0", modules: [(bytes: [1, 2, 3], string: "initrd")])
    let page = trial.bytes.get(0x2000..<0x3000)
    var header = image.get(0x1F1..<0x26C)
    header.set(UInt8(0xFF), at: 0x210 - 0x1F1)
    header.set(UInt32(0x30_0000), at: 0x218 - 0x1F1)
    header.set(UInt32(3), at: 0x21C - 0x1F1)
    header.set(UInt32(0x9000), at: 0x228 - 0x1F1)
    #expect(page.get(0x1F1..<0x26C) == header)
    #expect(page.get(UInt64.self, at: 0x70) == 0xE_0000)
    #expect(page.get(UInt32.self, at: 0xC0) == 0)
    #expect(trial.string(at: 0x9000) == "console=ttyS0")
    #expect(trial.bytes.get(0x30_0000..<0x30_0003) == [1, 2, 3])
    let count = Int(page[0x1E8])
    #expect(trial.memoryMap(at: 0x2000 + 0x2D0, count: count, stride: 20) == trial.map.entries)
    let filled: [Range<Int>] = [0x70..<0x78, 0x1E8..<0x1E9, 0x1F1..<0x26C, 0x2D0..<0x2D0 + 20 * count]
    for offset in page.indices where !filled.contains(where: { $0.contains(offset) }) {
      #expect(page[offset] == 0, "boot_params + \(offset)")
    }
  }

  @Test func pageTablesMapTheFirst4GiBToThemselves() throws {
    let trial = try LoaderTrial(KernelImages.bzImage())
    for address: UInt64 in [0, 0x2000, 0x20_0000, 0x7FFF_F123, 0xFEE0_0000, 0xFFFF_FFFF] {
      var table = trial.state.cr3
      for shift: UInt64 in [39, 30] {
        let entry = trial.bytes.get(UInt64.self, at: Int(table + (address >> shift & 511) * 8))
        #expect(entry & 0x83 == 3)
        table = entry & ~0xFFF
      }
      let entry = trial.bytes.get(UInt64.self, at: Int(table + (address >> 21 & 511) * 8))
      #expect(entry == address & ~0x1F_FFFF | 0x83)
    }
    for index in 1..<512 { #expect(trial.bytes.get(UInt64.self, at: Int(trial.state.cr3) + index * 8) == 0) }
  }

  @Test func aKernelThatPrefersAHoleGoesToTheNextAlignedRAM() throws {
    let trial = try LoaderTrial(KernelImages.bzImage(preferredAddress: 0x9_0000, alignment: 0x40_0000))
    #expect(trial.state.rip == 0x40_0200)
  }

  @Test func aKernelThatDoesNotRelocateStartsWhereItPrefers() throws {
    let trial = try LoaderTrial(
      KernelImages.bzImage(preferredAddress: 0x12_3000, alignment: 0, relocatable: false))
    #expect(trial.state.rip == 0x12_3200)
    #expect(throws: LoaderError.kernelDoesNotFit(needed: 0x10_0000, available: 0)) {
      try LoaderTrial(KernelImages.bzImage(preferredAddress: 0x9_0000, relocatable: false))
    }
  }

  @Test func refusesOldOr32BitOrInconsistentHeaders() {
    #expect(throws: LoaderError.protocolTooOld(version: 0x020B)) {
      try LoaderTrial(KernelImages.bzImage(version: 0x020B))
    }
    #expect(throws: LoaderError.not64BitCapable) { try LoaderTrial(KernelImages.bzImage(flags: 0x7E)) }
    #expect(throws: LoaderError.malformed(.kernelAlignment)) {
      try LoaderTrial(KernelImages.bzImage(alignment: 0x30_0000))
    }
    #expect(throws: LoaderError.malformed(.kernelAlignment)) {
      try LoaderTrial(KernelImages.bzImage(alignment: 0))
    }
    #expect(throws: LoaderError.malformed(.codeSize)) {
      var image = KernelImages.bzImage()
      image.set(UInt32(0x200 / 16), at: 0x1F4)
      return try LoaderTrial(image)
    }
  }

  @Test func aTruncatedImageSaysHowMuchIsMissing() {
    let image = KernelImages.bzImage()
    #expect(throws: LoaderError.truncated(needed: UInt64(image.count), available: UInt64(image.count) - 1)) {
      try LoaderTrial([UInt8](image.dropLast()))
    }
    #expect(throws: LoaderError.truncated(needed: 0x208, available: 0x206)) {
      try LoaderTrial(image.get(0..<0x206))
    }
  }

  @Test func theSpaceThatTheKernelStartsInMustBeRAM() throws {
    let top = (8 << 20) + 0x4_0000
    _ = try LoaderTrial(KernelImages.bzImage(initSize: top - 0x20_0000))
    #expect(throws: LoaderError.kernelDoesNotFit(needed: 0x60_0000 + 0x4_0001, available: 0x64_0000)) {
      try LoaderTrial(KernelImages.bzImage(initSize: top - 0x20_0000 + 1))
    }
    #expect(throws: LoaderError.kernelDoesNotFit(needed: 0x10_0000, available: 0)) {
      try LoaderTrial(KernelImages.bzImage(preferredAddress: -1))
    }
  }

  @Test func theCommandLineIsLimitedByTheKernelAndByTheLoader() throws {
    let image = KernelImages.bzImage(commandLineSize: 5)
    _ = try LoaderTrial(image, commandLine: "12345")
    #expect(throws: LoaderError.commandLineTooLong(count: 6, limit: 5)) {
      try LoaderTrial(image, commandLine: "123456")
    }
    let long = String(repeating: "x", count: 0x7000)
    #expect(throws: LoaderError.commandLineTooLong(count: 0x7000, limit: 0x6FFF)) {
      try LoaderTrial(KernelImages.bzImage(commandLineSize: 1 << 20), commandLine: long)
    }
  }

  @Test func theInitrdFitsBehindTheKernelOrIsRefused() throws {
    let image = KernelImages.bzImage(initSize: 0x60_0000)
    _ = try LoaderTrial(image, modules: [(bytes: [UInt8](repeating: 7, count: 0x4_0000), string: "")])
    let tooLarge = [UInt8](repeating: 7, count: 0x4_0001)
    #expect(throws: LoaderError.moduleDoesNotFit(index: 0, needed: 0x4_0001, available: 0x4_0000)) {
      try LoaderTrial(image, modules: [(bytes: tooLarge, string: "")])
    }
    #expect(throws: LoaderError.tooManyModules(count: 2, limit: 1)) {
      try LoaderTrial(image, modules: [(bytes: [1], string: ""), (bytes: [2], string: "")])
    }
  }

  @Test func theInitrdStaysBelowTheKernelsLimit() {
    var image = KernelImages.bzImage()
    image.set(UInt32(0x30_0FFF), at: 0x22C)
    let module = [UInt8](repeating: 1, count: 0x1001)
    #expect(throws: LoaderError.moduleDoesNotFit(index: 0, needed: 0x1001, available: 0x1000)) {
      try LoaderTrial(image, modules: [(bytes: module, string: "")])
    }
  }

  @Test func anInitrdThatDoesNotFitBelowGoesAbove4GiBWhereTheKernelTakesIt() throws {
    let map = try #require(GuestMemoryMap(ramSize: 4 << 30))
    let modules = ArrayModules(modules: [(bytes: [UInt8](repeating: 9, count: 0x2000), string: "")])
    var image = KernelImages.bzImage(initSize: 0xBFE0_0000 - 0x1000)
    var memory = SparseGuestMemory(map: map)
    let none: [UInt8] = []
    _ = try GuestLoader.load(
      kernel: image.span, commandLine: none.span, modules: modules, map: map,
      linuxTSC: nil, into: &memory)
    #expect(try memory.load(UInt32.self, at: GuestPhysicalAddress(0x2218)) == 0)
    #expect(try memory.load(UInt32.self, at: GuestPhysicalAddress(0x20C0)) == 1)
    #expect(try memory.load(UInt32.self, at: GuestPhysicalAddress(0x221C)) == 0x2000)
    #expect(try memory.load(UInt8.self, at: GuestPhysicalAddress(0x1_0000_1FFF)) == 9)

    image = KernelImages.bzImage(flags: 1, initSize: 0xBFE0_0000 - 0x1000)
    #expect(throws: LoaderError.moduleDoesNotFit(index: 0, needed: 0x2000, available: 0)) {
      try GuestLoader.load(
        kernel: image.span, commandLine: none.span, modules: modules, map: map,
        linuxTSC: nil, into: &memory)
    }
  }

  @Test func memoryThatTheMapPromisesButIsMissingIsAnError() throws {
    let map = try #require(GuestMemoryMap(ramSize: 8 << 20))
    var memory = ArrayGuestMemory(count: 0x1_0000)
    let image = KernelImages.bzImage()
    let none: [UInt8] = []
    #expect(throws: LoaderError.memoryMissing(GuestPhysicalAddress(0x20_0000))) {
      try GuestLoader.load(
        kernel: image.span, commandLine: none.span, modules: ArrayModules(), map: map,
        linuxTSC: nil, into: &memory)
    }
  }
}
