import Support
import Testing

@testable import Machine

private func makeRegisters(
  _ host: TableHostCPUID = .haswell, offersSpeculationControl: Bool = false,
  architecturalCapabilities: UInt64 = 0
) -> ModelSpecificRegisters {
  let policy = CPUIDPolicy(
    host: host, topology: ProcessorTopology(coresPerPackage: 2),
    frequency: TSCFrequency(hertz: 3_000_000_000)!, timerRatio: 1, allowedXCR0: 7,
    offersSpeculationControl: offersSpeculationControl)
  return ModelSpecificRegisters(
    policy: policy, microcodeRevision: 0x28, architecturalCapabilities: architecturalCapabilities)
}

struct ModelSpecificRegistersTests {
  @Test func thePageAttributeTableIsKeptForBackEndsThatDoNotSwitchIt() throws {
    var registers = makeRegisters()
    let atReset = try registers.read(0x277)
    #expect(atReset == 0x0007_0406_0007_0406)
    try registers.write(0x277, 0x0407_0506_0007_0106)
    for invalid: UInt64 in [2, 3 << 8, 8 << 56] {
      #expect(throws: GeneralProtection.self) { try registers.write(0x277, invalid) }
    }
    let written = try registers.read(0x277)
    #expect(written == 0x0407_0506_0007_0106)
  }

  @Test func registersThatTheGuestUsesItselfTakeWhatTheProcessorsDo() {
    for address: UInt32 in [0x175, 0x176, 0xC000_0082, 0xC000_0083, 0xC000_0100, 0xC000_0101, 0xC000_0102] {
      for value: UInt64 in [0, 0x7FFF_FFFF_FFFF, 0xFFFF_8000_0000_0000, .max] {
        #expect(ModelSpecificRegisters.canHold(value, in: address))
      }
      for value: UInt64 in [0x8000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF, 1 << 63] {
        #expect(!ModelSpecificRegisters.canHold(value, in: address))
      }
    }
    for word: UInt32 in [0xC000_0084, 0xC000_0103] {
      #expect(ModelSpecificRegisters.canHold(0xFFFF_FFFF, in: word))
      #expect(!ModelSpecificRegisters.canHold(1 << 32, in: word))
    }
    #expect(ModelSpecificRegisters.canHold(.max, in: 0xC000_0081))
    #expect(ModelSpecificRegisters.canHold(.max, in: 0x174))
  }

  @Test func eachRegisterHasOneThatAnswers() {
    let registers = makeRegisters()
    let passThrough: [UInt32] = [
      0x174, 0x175, 0x176, 0x277, 0xC000_0081, 0xC000_0082, 0xC000_0083, 0xC000_0084, 0xC000_0100,
      0xC000_0101, 0xC000_0102, 0xC000_0103,
    ]
    for index in passThrough { #expect(registers.kind(of: index) == .passThrough) }
    for index: UInt32 in [0x10, 0x1B, 0x3B, 0x6E0, 0x800, 0x83F, 0x8FF] {
      #expect(registers.kind(of: index) == .localAPIC)
    }
    #expect(registers.kind(of: 0xC000_0080) == .extendedFeatures)
    #expect(registers.kind(of: 0x1D9) == .debugControl)
    for index: UInt32 in [
      0x17, 0x34, 0x3A, 0x8B, 0xCE, 0xFE, 0x140, 0x179, 0x17A, 0x1A0, 0x200, 0x20F, 0x250, 0x2FF,
    ] {
      #expect(registers.kind(of: index) == .stored)
    }
    // VMX, performance counters, RAPL, machine-check control and banks, SMM, XSS, KVM's clock
    for index: UInt32 in [
      0x480, 0xC1, 0x186, 0x606, 0x17B, 0x400, 0x210, 0xDA0, 0x4B56_4D00, 0x48, 0x49, 0x10A, 0x10B, .max,
    ] { #expect(registers.kind(of: index) == .unknown) }
  }

  @Test func eachVendorHasItsOwn() {
    let intel = makeRegisters()
    let amd = makeRegisters(.epyc)
    for index: UInt32 in [0xC001_0010, 0xC001_0015, 0xC001_001F, 0xC001_0114, 0xC001_1029] {
      #expect(intel.kind(of: index) == .unknown)
      #expect(amd.kind(of: index) == .stored)
    }
    for index: UInt32 in [0x17, 0x34, 0x3A, 0xCE, 0x140, 0x1A0] { #expect(amd.kind(of: index) == .unknown) }
  }

  @Test func speculationControlGoesWithCPUID() {
    let registers = makeRegisters(offersSpeculationControl: true)
    for index: UInt32 in [0x48, 0x49, 0x10B] { #expect(registers.kind(of: index) == .passThrough) }
  }

  @Test func architecturalCapabilitiesTellImmunitiesOnly() throws {
    var host = TableHostCPUID.haswell
    host[7].edx |= 1 << 29
    var registers = makeRegisters(host, architecturalCapabilities: .max)
    #expect(try registers.read(0x10A) == 0x0D1A_E17D)
    registers = makeRegisters(host, offersSpeculationControl: true, architecturalCapabilities: 0x2B)
    #expect(try registers.read(0x10A) == 0x2B)
    #expect(throws: GeneralProtection()) { try registers.write(0x10A, 0) }
  }

  @Test func unknownRegistersAreRefusedAndCounted() {
    var registers = makeRegisters()
    #expect(throws: GeneralProtection()) { try registers.read(0x606) }
    #expect(throws: GeneralProtection()) { try registers.read(0x400) }
    #expect(throws: GeneralProtection()) { try registers.write(0x4B56_4D00, 1) }
    #expect(registers.unknownReads == 2)
    #expect(registers.unknownWrites == 1)
    #expect(registers.lastUnknown == 0x4B56_4D00)
    #expect(throws: GeneralProtection()) { try registers.write(0xFE, 0) }
    #expect(registers.unknownWrites == 1)
  }

  @Test func linuxFindsWhatItLooksForOnIntel() throws {
    var registers = makeRegisters()
    #expect(try registers.read(0x1A0) & 1 == 1)  // fast strings, or it turns REP MOVS off
    #expect(try registers.read(0x1A0) & (1 << 22 | 1 << 34) == 0)  // else it writes them
    #expect(try registers.read(0x3A) == 1)
    #expect(try registers.read(0x179) == 0)
    try registers.write(0x8B, 0)
    #expect(try registers.read(0x8B) == 0x28 << 32)
    try registers.write(0x17A, 7)
    #expect(try registers.read(0x17A) == 7)
    #expect(throws: GeneralProtection()) { try registers.write(0x17A, 8) }
    try registers.write(0x140, 0)
    #expect(throws: GeneralProtection()) { try registers.write(0x140, 1) }
    #expect(throws: GeneralProtection()) { try registers.write(0x3A, 5) }
  }

  @Test func linuxFindsWhatItLooksForOnAMD() throws {
    var registers = makeRegisters(.epyc)
    #expect(try registers.read(0x8B) == 0x28)
    #expect(try registers.read(0xC001_0015) & 1 << 24 != 0)  // else "TSC doesn't count with P0 frequency"
    #expect(try registers.read(0xC001_1029) & 2 != 0)  // LFENCE serializes
    #expect(try registers.read(0xC001_0010) & 1 << 19 == 0)  // MtrrFixDramModEn
    try registers.write(0xC001_0015, 1 << 18)
    #expect(try registers.read(0xC001_0015) == 1 << 18 | 1 << 24)
    #expect(throws: GeneralProtection()) { try registers.write(0xC001_0015, 1 << 25) }
    #expect(throws: GeneralProtection()) { try registers.write(0xC001_1029, 0) }
    try registers.write(0xC001_001F, 1 << 46)
    #expect(try registers.read(0xC001_001F) == 0)
  }

  @Test func miscellaneousEnableLetsFastStringsChangeAlone() throws {
    var registers = makeRegisters()
    try registers.write(0x1A0, 0)
    #expect(try registers.read(0x1A0) == 0x1800)
    try registers.write(0x1A0, 0x1801)
    #expect(try registers.read(0x1A0) == 0x1801)
    for bit in [3, 7, 16, 18, 22, 34] as [UInt64] {
      #expect(throws: GeneralProtection()) { try registers.write(0x1A0, 0x1801 | 1 << bit) }
    }
  }

  @Test func memoryTypesAreWriteBackButForTheDeviceHole() throws {
    var registers = makeRegisters()
    #expect(try registers.read(0xFE) == 0x508)
    #expect(try registers.read(0x2FF) == 0x806)
    #expect(try registers.read(0x200) == 0xC000_0000)
    #expect(try registers.read(0x201) == 0x7F_C000_0800)
    #expect(try registers.read(0x202) == 0)
  }

  @Test func memoryTypeRangesReadBackAndRefuseWhatIsReserved() throws {
    var registers = makeRegisters()
    try registers.write(0x20E, 0x12_3400_0006)
    try registers.write(0x20F, 0x7F_FF00_0800)
    #expect(try registers.read(0x20E) == 0x12_3400_0006)
    #expect(try registers.read(0x20F) == 0x7F_FF00_0800)
    for index: UInt32 in [0x250, 0x258, 0x259, 0x268, 0x26F] {
      let value = 0x0606_0505_0404_0100 + UInt64(index % 2)
      try registers.write(index, value)
      #expect(try registers.read(index) == value)
    }
    try registers.write(0x2FF, 0xC00)
    #expect(try registers.read(0x2FF) == 0xC00)
    let refused: [(UInt32, UInt64)] = [
      (0x200, 0x2), (0x200, 0x7), (0x200, 0x106), (0x200, 1 << 39), (0x201, 1 << 39), (0x201, 1),
      (0x201, 0x400), (0x250, 2), (0x250, 7 << 56), (0x2FF, 3), (0x2FF, 0x1000), (0x2FF, 0x100),
    ]
    for (index, value) in refused {
      #expect(throws: GeneralProtection(), "\(index) \(value)") { try registers.write(index, value) }
    }
  }

  @Test func extendedFeaturesKeepLMAAndPinLMEWhilePaging() throws {
    let registers = makeRegisters()
    #expect(try registers.extendedFeatures(writing: 0x901, current: 0, isPaging: false) == 0x901)
    #expect(try registers.extendedFeatures(writing: 0x901, current: 0xD00, isPaging: true) == 0xD01)
    #expect(try registers.extendedFeatures(writing: 0xD00, current: 0x100, isPaging: false) == 0x900)
    for (value, current) in [(0x100, 0x000), (0x000, 0x500), (0x1D00, 0xD00), (0x4D00, 0xD00), (0x2, 0)] {
      #expect(throws: GeneralProtection()) {
        try registers.extendedFeatures(writing: UInt64(value), current: UInt64(current), isPaging: true)
      }
    }
    let amd = makeRegisters(.epyc)
    #expect(try amd.extendedFeatures(writing: 0x4D00, current: 0xD00, isPaging: true) == 0x4D00)
    #expect(throws: GeneralProtection()) {
      try amd.extendedFeatures(writing: 0x1D00, current: 0xD00, isPaging: true)
    }
  }

  @Test func debugControlAllowsBranchSteppingOnly() throws {
    let registers = makeRegisters()
    #expect(try registers.debugControl(writing: 2) == 2)
    for value: UInt64 in [1, 1 << 6, 1 << 63] {
      #expect(throws: GeneralProtection()) { try registers.debugControl(writing: value) }
    }
  }

  @Test func randomAccessesNeverTrap() {
    var random = SeededGenerator(seed: 7)
    var registers = makeRegisters()
    var amd = makeRegisters(.epyc)
    for _ in 0..<100_000 {
      let bases: [UInt32] = [
        0, 0x160, 0x200, 0xC000_0070, 0xC001_0000, UInt32(truncatingIfNeeded: random.next()),
      ]
      let index = bases[Int(random.next() % 6)] &+ UInt32(random.next() % 0x180)
      let value = random.anyMagnitude()
      _ = registers.kind(of: index)
      if random.next() % 2 == 0 {
        _ = try? registers.write(index, value)
        _ = try? amd.write(index, value)
      } else {
        _ = try? registers.read(index)
        _ = try? amd.read(index)
      }
    }
    #expect(registers.unknownReads > 0 && registers.unknownWrites > 0)
  }
}
