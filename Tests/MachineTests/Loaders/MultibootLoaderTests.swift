import Machine
import Memory
import Testing

@Suite struct MultibootLoaderTests {
  private static let text = KernelImages.Segment(address: 0x10_0000, bytes: [0xF4, 0xEB], memorySize: 0x1000)

  @Test func anELF32KernelStartsWithMagicAndInformation() throws {
    let trial = try LoaderTrial(KernelImages.multibootELF(entry: 0x10_000C, [Self.text]))
    let state = trial.state
    #expect(state.mode == .protected32)
    #expect(state.rip == 0x10_000C)
    #expect(state.rax == 0x2BAD_B002)
    #expect(state.rbx == 0x2000)
    #expect(state.cr0 == 0x11)
    #expect(trial.bytes.get(0x10_000C..<0x10_000F) == [0xF4, 0xEB, 0])
    #expect(trial.descriptor(0x10) == 0x00CF_9B00_0000_FFFF)
  }

  @Test func aVirtualEntryIsMovedWithItsSegment() throws {
    var high = Self.text
    high.virtualBase = 0x8000_0000
    #expect(try LoaderTrial(KernelImages.multibootELF(entry: 0x8010_000C, [high])).state.rip == 0x10_000C)
    #expect(try LoaderTrial(KernelImages.multibootELF(entry: 0x10_000C, [high])).state.rip == 0x10_000C)
  }

  @Test func theInformationDescribesMemoryModulesAndCommandLine() throws {
    let trial = try LoaderTrial(
      KernelImages.multibootELF(entry: 0x10_000C, [Self.text]), commandLine: "a=b",
      modules: [(bytes: [1, 2, 3], string: "one x"), (bytes: [4], string: "two")])
    let information = trial.bytes.get(0x2000..<0x2078)
    func word(_ offset: Int) -> Int { Int(information.get(UInt32.self, at: offset)) }
    #expect(word(0) == 0x24D)
    #expect(word(4) == 640)
    #expect(word(8) == 7 * 1024 + 256)
    #expect(trial.string(at: word(16)) == "a=b")
    #expect(trial.string(at: word(64)) == "Big Iron")
    #expect(word(44) == 24 * trial.map.entries.count)
    #expect(
      trial.memoryMap(at: word(48) + 4, count: trial.map.entries.count, stride: 24) == trial.map.entries)
    for index in trial.map.entries.indices {
      #expect(trial.bytes.get(UInt32.self, at: word(48) + 24 * index) == 20)
    }
    #expect(word(20) == 2)
    let modules = trial.bytes.get(word(24)..<word(24) + 32)
    #expect(
      (0..<8).map { Int(modules.get(UInt32.self, at: $0 * 4)) }.enumerated().allSatisfy {
        [0x10_1000, 0x10_1003, 0x5000, 0, 0x10_2000, 0x10_2001, 0x5006, 0][$0] == $1
      })
    #expect(trial.string(at: 0x5000) == "one x")
    #expect(trial.string(at: 0x5006) == "two")
    #expect(trial.bytes.get(0x10_1000..<0x10_1003) == [1, 2, 3])
    #expect(trial.bytes[0x10_2000] == 4)
  }

  @Test func aKernelThatIsNoELFFileIsLoadedByItsAddressFields() throws {
    let trial = try LoaderTrial(
      KernelImages.multibootFlat(
        loadEnd: 0x10_0032, zeroEnd: 0x10_2000, entry: 0x10_0030, code: [0xF4, 0xF5, 0xF6]),
      modules: [(bytes: [1], string: "")])
    #expect(trial.state.rip == 0x10_0030)
    #expect(trial.bytes.get(0x10_0000..<0x10_0010) == [UInt8](repeating: 0xCC, count: 16))
    #expect(trial.bytes.get(0x10_0030..<0x10_0033) == [0xF4, 0xF5, 0])
    #expect(trial.bytes[0x10_2000] == 1)
  }

  @Test func zeroAddressFieldsMeanTheWholeFileAndNothingToClear() throws {
    let trial = try LoaderTrial(
      KernelImages.multibootFlat(loadEnd: 0, zeroEnd: 0, entry: 0x10_0030, code: [0xF4, 0xF5, 0xF6]))
    #expect(trial.bytes.get(0x10_0030..<0x10_0033) == [0xF4, 0xF5, 0xF6])
  }

  @Test func theHeaderMayEndAtByte8192AndNoLater() throws {
    let code: [UInt8] = [0xF4]
    _ = try LoaderTrial(
      KernelImages.multibootFlat(
        prefix: 8192 - 12 - 16, loadEnd: 0, zeroEnd: 0, entry: 0x10_0030, code: code))
    #expect(throws: LoaderError.notAKernel) {
      try LoaderTrial(
        KernelImages.multibootFlat(
          prefix: 8192 - 8 - 16, loadEnd: 0, zeroEnd: 0, entry: 0x10_0030, code: code))
    }
  }

  @Test func addressFieldsThatContradictOneAnotherAreRefused() {
    let code: [UInt8] = [0xF4]
    // The header would stand before the start of the file; the data would end before it starts, or after
    // the zeroed part.
    let images = [
      KernelImages.multibootFlat(prefix: 0, loadEnd: 0, zeroEnd: 0, entry: 0x10_0030, code: code),
      KernelImages.multibootFlat(loadEnd: 0x10_0000, zeroEnd: 0, entry: 0x10_0030, code: code),
      KernelImages.multibootFlat(loadEnd: 0x10_0031, zeroEnd: 0x10_0030, entry: 0x10_0030, code: code),
    ]
    var early = images[0]
    early.set(UInt32(0x10_0011), at: 16 + 12)
    for image in [early] + images[1...] {
      #expect(throws: LoaderError.malformed(.multibootAddresses)) { try LoaderTrial(image) }
    }
    #expect(throws: LoaderError.truncated(needed: 64 + 0x32, available: 64 + 0x31)) {
      try LoaderTrial(
        KernelImages.multibootFlat(loadEnd: 0x10_0032, zeroEnd: 0, entry: 0x10_0030, code: code))
    }
  }

  @Test func requirementsThatCannotBeMetAreNamed() {
    #expect(throws: LoaderError.unsupportedMultibootFlags(4)) {
      try LoaderTrial(KernelImages.multibootELF(entry: 0x10_000C, flags: 7, [Self.text]))
    }
  }

  @Test func aHeaderWithAWrongChecksumIsNone() {
    var image = KernelImages.multibootELF(entry: 0x10_000C, [Self.text])
    image[52 + 32 + 8] ^= 1
    #expect(throws: LoaderError.noMultibootHeader) { try LoaderTrial(image) }
  }

  @Test func anELF64FileNeedsAddressFields() {
    var image = KernelImages.pvh(
      entry: nil, [KernelImages.Segment(address: 0x10_0000, bytes: [0], memorySize: 1)])
    while image.count % 4 != 0 { image.append(0) }
    #expect(throws: LoaderError.noPVHNote) {
      try LoaderTrial(image + KernelImages.multibootHeader(flags: 3))
    }
  }

  @Test func bytesOfNoFormatAreNoKernel() {
    #expect(throws: LoaderError.notAKernel) { try LoaderTrial([]) }
    #expect(throws: LoaderError.notAKernel) { try LoaderTrial([UInt8](repeating: 0x5A, count: 10_000)) }
    #expect(throws: LoaderError.notAKernel) { try LoaderTrial(KernelImages.multibootHeader(flags: 3)) }
  }
}
