import Machine
import Memory
import Testing

@Suite struct PVHLoaderTests {
  private static let code = [UInt8](1...200)
  private static let text = KernelImages.Segment(
    address: 0x10_0000, bytes: code, memorySize: 0x1800, virtualBase: -0x8000_0000)
  private static let data = KernelImages.Segment(address: 0x20_0000, bytes: [9, 8, 7], memorySize: 3)

  @Test(arguments: [4, 8])
  func startsAtTheNotesEntryInProtectedMode(noteAlignment: Int) throws {
    let trial = try LoaderTrial(
      KernelImages.pvh(entry: 0x10_0010, noteAlignment: noteAlignment, [Self.text, Self.data]))
    let state = trial.state
    #expect(state.mode == .protected32)
    #expect(state.rip == 0x10_0010)
    #expect(state.rbx == 0x2000)
    #expect(state.cr0 == 0x11)
    #expect([state.cr3, state.cr4, state.efer] == [0, 0, 0])
    #expect(trial.descriptor(0x10) == 0x00CF_9B00_0000_FFFF)
    #expect(trial.descriptor(0x18) == InitialState.dataDescriptor)
    #expect(trial.bytes.get(0x10_0000..<0x10_00C8) == Self.code)
    #expect(trial.bytes.get(0x20_0000..<0x20_0003) == [9, 8, 7])
  }

  @Test func theStartInformationDescribesMemoryModulesAndCommandLine() throws {
    let trial = try LoaderTrial(
      KernelImages.pvh(entry: 0x10_0010, [Self.text]), commandLine: "quiet",
      modules: [(bytes: [1, 2, 3], string: "first"), (bytes: [4], string: "")])
    let information = trial.bytes.get(0x2000..<0x2038)
    #expect(information.get(UInt32.self, at: 0) == 0x336E_C578)
    #expect(information.get(UInt32.self, at: 4) == 1)
    #expect(information.get(UInt32.self, at: 8) == 0)
    #expect(information.get(UInt32.self, at: 12) == 2)
    #expect(trial.string(at: information.get(Int.self, at: 24)) == "quiet")
    #expect(information.get(UInt64.self, at: 32) == 0xE_0000)
    let map = information.get(Int.self, at: 40)
    let count = Int(information.get(UInt32.self, at: 48))
    #expect(trial.memoryMap(at: map, count: count, stride: 24) == trial.map.entries)

    let list = information.get(Int.self, at: 16)
    let first = trial.bytes.get(list..<list + 32)
    #expect(first.get(UInt64.self, at: 0) == 0x10_2000)
    #expect(first.get(UInt64.self, at: 8) == 3)
    #expect(trial.string(at: first.get(Int.self, at: 16)) == "first")
    let second = trial.bytes.get(list + 32..<list + 64)
    #expect(second.get(UInt64.self, at: 0) == 0x10_3000)
    #expect(trial.string(at: second.get(Int.self, at: 16)) == "")
    #expect(trial.bytes.get(0x10_2000..<0x10_2004) == [1, 2, 3, 0])
    #expect(trial.bytes[0x10_3000] == 4)
  }

  @Test func whatASegmentsFileDoesNotFillIsZeroed() throws {
    let map = try #require(GuestMemoryMap(ramSize: 8 << 20))
    var memory = SparseGuestMemory(map: map)
    try memory.store(UInt64.max, at: GuestPhysicalAddress(0x10_17FC))
    let image = KernelImages.pvh(entry: 0x10_0010, [Self.text])
    let none: [UInt8] = []
    _ = try GuestLoader.load(
      kernel: image.span, commandLine: none.span, modules: ArrayModules(), map: map,
      linuxTSC: nil, into: &memory)
    #expect(try memory.load(UInt64.self, at: GuestPhysicalAddress(0x10_17FC)) == 0xFFFF_FFFF_0000_0000)
  }

  @Test func anELF64FileWithoutTheNoteIsNoKernel() {
    #expect(throws: LoaderError.noPVHNote) { try LoaderTrial(KernelImages.pvh(entry: nil, [Self.text])) }
  }

  @Test func segmentsOutsideUsableRAMAreRefusedWithTheAddress() {
    let cases: [(address: Int, size: Int, error: LoaderError)] = [
      (0x9_F000, 0x1001, .segmentOutsideRAM(GuestPhysicalAddress(0xA_0000))),
      (0xB_8000, 1, .segmentOutsideRAM(GuestPhysicalAddress(0xB_8000))),
      (0xE_0000, 0x100, .segmentOutsideRAM(GuestPhysicalAddress(0xE_0000))),
      (0x83_F000, 0x1001, .segmentOutsideRAM(GuestPhysicalAddress(0x84_0000))),
      (0x1_0000_0000, 1, .segmentOutsideRAM(GuestPhysicalAddress(0x1_0000_0000))),
      (0x0, 0x1001, .overlapsBootStructures(GuestPhysicalAddress(0x1000))),
      (0x1_5FFF, 1, .overlapsBootStructures(GuestPhysicalAddress(0x1_5FFF))),
      (-1, 2, .malformed(.segmentSize)),
    ]
    for (address, size, error) in cases {
      let segment = KernelImages.Segment(address: address, bytes: [1], memorySize: size)
      #expect(throws: error) { try LoaderTrial(KernelImages.pvh(entry: 0x10_0010, [Self.text, segment])) }
    }
    let overfull = KernelImages.Segment(address: 0x20_0000, bytes: [1, 2], memorySize: 1)
    #expect(throws: LoaderError.malformed(.segmentSize)) {
      try LoaderTrial(KernelImages.pvh(entry: 0x10_0010, [Self.text, overfull]))
    }
  }

  @Test func lowSegmentsBesideTheBootStructuresAreLoaded() throws {
    let low = KernelImages.Segment(address: 0x1_6000, bytes: [5], memorySize: 0x8_A000)
    let trial = try LoaderTrial(KernelImages.pvh(entry: 0x1_6000, [low]))
    #expect(trial.bytes[0x1_6000] == 5)
  }

  @Test func theEntryMustBeInASegment() {
    #expect(throws: LoaderError.entryOutsideKernel(GuestPhysicalAddress(0x10_1800))) {
      try LoaderTrial(KernelImages.pvh(entry: 0x10_1800, [Self.text]))
    }
  }

  @Test func aTruncatedFileSaysHowMuchIsMissing() throws {
    let image = KernelImages.pvh(entry: 0x10_0010, [Self.text])
    for count in 4..<image.count {
      let error = #expect(throws: LoaderError.self) { try LoaderTrial(image.get(0..<count)) }
      guard case .truncated(let needed, let available) = error else {
        // The note at the end, cut short, is no note.
        #expect(error == .malformed(.pvhNote) && count > image.count - 8)
        continue
      }
      #expect(needed > available && available == UInt64(count))
    }
  }

  @Test func modulesThatDoNotFitAreNamed() {
    let image = KernelImages.pvh(entry: 0x10_0010, [Self.text])
    let half = [UInt8](repeating: 1, count: 4 << 20)
    #expect(throws: LoaderError.moduleDoesNotFit(index: 1, needed: 4 << 20, available: 0x33_E000)) {
      try LoaderTrial(image, modules: [(bytes: half, string: ""), (bytes: half, string: "")])
    }
    let string = String(repeating: "s", count: 0x2000)
    #expect(throws: LoaderError.moduleStringsTooLong(limit: 0x4000)) {
      try LoaderTrial(image, modules: [(bytes: [], string: string), (bytes: [], string: string)])
    }
    #expect(throws: LoaderError.tooManyModules(count: 129, limit: 128)) {
      try LoaderTrial(image, modules: [(bytes: [UInt8], string: String)](repeating: ([], ""), count: 129))
    }
  }
}
