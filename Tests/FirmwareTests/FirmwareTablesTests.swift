import Firmware
import Memory
import Testing

/// A machine with ACPI tables: the root pointer at 0x40, the root table at 0x100, tables at 0x400 and each
/// 0x400 further on.
struct ACPIMachine {
  var memory = TestMemory(count: 0x2000)
  private(set) var tables: [Int] = []

  static func sealed(_ blob: [UInt8], checksumAt offset: Int) -> [UInt8] {
    var blob = blob
    blob[offset] = 0
    blob[offset] = 0 &- blob.reduce(0, &+)
    return blob
  }

  static func table(_ signature: String, _ body: [UInt8]) -> [UInt8] {
    let header = Array(signature.utf8) + bytes(UInt32(36 + body.count)) + [UInt8](repeating: 1, count: 28)
    return sealed(header + body, checksumAt: 9)
  }

  static func rootPointer(revision: UInt8, rsdt: UInt32, xsdt: UInt64) -> [UInt8] {
    let old = Array("RSD PTR ".utf8) + [0] + Array("BIGIRN".utf8) + [revision] + bytes(rsdt)
    let first = sealed(old, checksumAt: 8)
    return revision < 2
      ? first : sealed(first + bytes(UInt32(36)) + bytes(xsdt) + [0, 0, 0, 0], checksumAt: 32)
  }

  init(revision: UInt8 = 2, _ tables: [[UInt8]]) {
    for (index, table) in tables.enumerated() {
      let address = 0x400 * (index + 1)
      memory.put(table, at: address)
      self.tables.append(address)
    }
    putRootTable()
    memory.put(Self.rootPointer(revision: revision, rsdt: 0x100, xsdt: revision < 2 ? 0 : 0x100), at: 0x40)
    if revision < 2 { putRootTable(wide: false) }
  }

  mutating func putRootTable(wide: Bool = true, extra: [UInt64] = []) {
    let pointers = extra + tables.map(UInt64.init)
    let body = pointers.flatMap { wide ? bytes($0) : bytes(UInt32(truncatingIfNeeded: $0)) }
    memory.put(Self.table(wide ? "XSDT" : "RSDT", body), at: 0x100)
  }

  func read() throws(FirmwareTablesError) -> FirmwareTables<TestMemory> {
    try FirmwareTables(rootPointer: HostPhysicalAddress(0x40), memory: memory)
  }
}

@Suite struct FirmwareTablesTests {
  private let empty = ACPIMachine.table("FACP", [])

  @Test(arguments: [UInt8(0), 2]) func aTableIsFoundThroughEitherRootTable(revision: UInt8) throws {
    let machine = ACPIMachine(revision: revision, [ACPIMachine.table("APIC", []), empty])
    #expect(try machine.read().table(.fadt).address == HostPhysicalAddress(0x800))
    #expect(try machine.read().table(.madt).count == 36)
    #expect(throws: FirmwareTablesError.missing(.mcfg)) { _ = try machine.read().table(.mcfg) }
  }

  @Test func theOldRootTableServesWhereTheNewOneIsBroken() throws {
    var machine = ACPIMachine([empty])
    machine.memory.put(ACPIMachine.table("RSDT", bytes(UInt32(0x400))), at: 0x200)
    machine.memory.put(ACPIMachine.rootPointer(revision: 2, rsdt: 0x200, xsdt: .max - 2), at: 0x40)
    #expect(try machine.read().table(.fadt).address == HostPhysicalAddress(0x400))
    machine.memory.bytes[0x209] &+= 1
    #expect(throws: FirmwareTablesError.malformedRootTable) { _ = try machine.read() }
  }

  @Test(arguments: [0x40, 0x48, 0x50, 0x60, 0x54]) func aRootPointerWithAWrongByteIsRefused(at address: Int) {
    var machine = ACPIMachine([empty])
    machine.memory.bytes[address] ^= 0x10
    #expect(throws: FirmwareTablesError.malformedRootPointer(HostPhysicalAddress(0x40))) {
      _ = try machine.read()
    }
  }

  @Test func aTableWithAWrongChecksumIsPassedOver() throws {
    var machine = ACPIMachine([empty, empty])
    machine.memory.bytes[0x410] ^= 1
    #expect(try machine.read().table(.fadt).address == HostPhysicalAddress(0x800))
    machine.memory.bytes[0x810] ^= 1
    #expect(throws: FirmwareTablesError.malformed(.fadt)) { _ = try machine.read().table(.fadt) }
  }

  @Test(arguments: [UInt32(0), 35, 1 << 20 + 1, .max]) func aTableOfImpossibleLengthIsRefused(length: UInt32)
  {
    var machine = ACPIMachine([empty])
    var table = empty
    table.replaceSubrange(4..<8, with: bytes(length))
    machine.memory.put(ACPIMachine.sealed(table, checksumAt: 9), at: 0x400)
    #expect(throws: FirmwareTablesError.malformed(.fadt)) { _ = try machine.read().table(.fadt) }
  }

  @Test func pointersToNowhereArePassedOver() throws {
    var machine = ACPIMachine([empty])
    machine.putRootTable(extra: [0, .max, 0x1FFE, 0x10_0000_0000])
    #expect(try machine.read().table(.fadt).address == HostPhysicalAddress(0x400))
  }

  @Test(arguments: [0x9_FC00, 0x9_FFF0, 0xE_0000, 0xF_FFE0])
  func theBIOSAreasAreSearchedWhereTheLoaderGaveNoRootPointer(address: Int) throws {
    var memory = TestMemory(count: 0x10_0000)
    memory.put(bytes(UInt16(0x9FC0)), at: 0x40E)
    memory.put(ACPIMachine.table("RSDT", bytes(UInt32(0x500))), at: 0x100)
    memory.put(empty, at: 0x500)
    // A signature alone is not enough, nor is one between two paragraphs.
    memory.put(Array("RSD PTR ".utf8), at: 0x9_FC10)
    memory.put(ACPIMachine.rootPointer(revision: 0, rsdt: 0x200, xsdt: 0), at: 0xF_0008)
    memory.put(ACPIMachine.rootPointer(revision: 0, rsdt: 0x100, xsdt: 0), at: address)
    #expect(try FirmwareTables(rootPointer: nil, memory: memory).table(.fadt).count == 36)
  }

  @Test func aMachineWithoutARootPointerIsAnError() {
    for count in [0x1000, 0x10_0000] {
      #expect(throws: FirmwareTablesError.noRootPointer) {
        _ = try FirmwareTables(rootPointer: nil, memory: TestMemory(count: count))
      }
    }
  }

  @Test func mutatedTablesNeverTrap() throws {
    let tables = [
      ACPIMachine.table("APIC", MADTTests.body), ACPIMachine.table("FACP", FADTTests.body),
      ACPIMachine.table("MCFG", MCFGTests.body),
    ]
    let machine = ACPIMachine(tables)
    var generator = SeededGenerator(state: 3)
    var read = 0
    for round in 0..<20_000 {
      var mutant = machine.memory
      let victim = round % 5
      switch victim {
      case 3: mutate(&mutant, in: 0x40..<0x64, with: &generator)
      case 4: mutate(&mutant, in: 0x100..<0x140, with: &generator)
      default:
        let start = machine.tables[victim]
        mutate(&mutant, in: start..<start + tables[victim].count, with: &generator)
        // Right checksums let most mutants through to the readers.
        let length = min(Int(mutant.bytes[start + 4]) | Int(mutant.bytes[start + 5]) << 8, 0x1000)
        if length >= 36 {
          let table = ACPIMachine.sealed(Array(mutant.bytes[start..<start + length]), checksumAt: 9)
          mutant.put(table, at: start)
        }
      }
      guard let tables = try? FirmwareTables(rootPointer: HostPhysicalAddress(0x40), memory: mutant) else {
        continue
      }
      if (try? MADT(tables)) != nil { read += 1 }
      if (try? FADT(tables)) != nil { read += 1 }
      if (try? MCFG(tables)) != nil { read += 1 }
    }
    #expect(read > 20_000)
  }
}

@Suite struct MADTTests {
  static func localAPIC(_ identifier: UInt8, flags: UInt32) -> [UInt8] {
    [0, 8, 99, identifier] + bytes(flags)
  }

  static func x2APIC(_ identifier: UInt32, flags: UInt32) -> [UInt8] {
    [9, 16, 0, 0] + bytes(identifier) + bytes(flags) + bytes(UInt32(99))
  }

  static let body: [UInt8] =
    bytes(UInt32(0xFEE0_0000)) + bytes(UInt32(1))
    + localAPIC(0, flags: 1) + localAPIC(2, flags: 1) + localAPIC(4, flags: 0) + localAPIC(6, flags: 2)
    + [1, 12, 8, 0] + bytes(UInt32(0xFEC0_0000)) + bytes(UInt32(0))
    + [2, 10, 0, 0] + bytes(UInt32(2)) + bytes(UInt16(0))
    + [2, 10, 0, 9] + bytes(UInt32(9)) + bytes(UInt16(0b1111))
    + [4, 6, 0xFF, 5, 0, 1]
    + x2APIC(0x1_0000, flags: 1) + x2APIC(2, flags: 1)

  private func read(_ body: [UInt8]) throws(FirmwareTablesError) -> MADT {
    try MADT(ACPIMachine([ACPIMachine.table("APIC", body)]).read())
  }

  @Test func enabledProcessorsAreListedOnceInOrder() throws {
    let madt = try read(Self.body)
    #expect(madt.processors.array == [0, 2, 0x1_0000])
    #expect(madt.ignoredCount == 0)
  }

  @Test func interruptControllersAndOverridesAreRead() throws {
    let madt = try read(Self.body)
    #expect(madt.localAPIC == HostPhysicalAddress(0xFEE0_0000))
    #expect(madt.ioAPICs.array.map(\.address.value) == [0xFEC0_0000])
    #expect(madt.ioAPICs.array.map(\.firstInterrupt) == [0])
    let overrides = madt.sourceOverrides.array
    #expect(overrides.map(\.source) == [0, 9])
    #expect(overrides.map(\.interrupt) == [2, 9])
    #expect(overrides.map(\.isActiveLow) == [false, true])
    #expect(overrides.map(\.isLevelTriggered) == [false, true])
  }

  @Test func aLineOfPCIsIsLevelTriggeredAndActiveLowUnlessItIsOverridden() throws {
    let madt = try read(Self.body)
    let plain = madt.pciInterrupt(line: 11)
    #expect((plain.source, plain.interrupt) == (11, 11))
    #expect(plain.isActiveLow && plain.isLevelTriggered)
    #expect(madt.pciInterrupt(line: 9) == madt.sourceOverrides[1])
    #expect(madt.pciInterrupt(line: 0).interrupt == 2)
  }

  @Test func theAddressOverrideWins() throws {
    let madt = try read(Self.body + [5, 12, 0, 0] + bytes(UInt64(0xF_FEE0_0000)))
    #expect(madt.localAPIC == HostPhysicalAddress(0xF_FEE0_0000))
  }

  @Test func identifiersThatAddressEveryoneAreNoProcessors() throws {
    let madt = try read(
      [UInt8](repeating: 0, count: 8) + Self.localAPIC(0xFF, flags: 1) + Self.x2APIC(.max, flags: 1))
    #expect(madt.processors.isEmpty)
  }

  @Test(arguments: [0, 1, 9, 0xFF] as [UInt8]) func anEntryOfImpossibleSizeEndsTheList(size: UInt8) throws {
    let madt = try read(
      [UInt8](repeating: 0, count: 8) + Self.localAPIC(1, flags: 1) + [0, size, 0, 2, 1, 0, 0, 0])
    #expect(madt.processors.array == [1])
    #expect(madt.ignoredCount == 1)
  }

  @Test(arguments: [0, 1, 2, 5, 9] as [UInt8]) func anEntryTooShortForItsTypeIsIgnoredAndCounted(type: UInt8)
    throws
  {
    let madt = try read([UInt8](repeating: 0, count: 8) + [type, 4, 0, 0] + Self.localAPIC(1, flags: 1))
    #expect(madt.processors.array == [1])
    #expect(madt.ignoredCount == 1)
  }

  @Test func processorsBeyondThe256thAreIgnoredAndCounted() throws {
    var body = [UInt8](repeating: 0, count: 8)
    for identifier in 0..<260 { body += Self.x2APIC(UInt32(identifier) + 1000, flags: 1) }
    let machine = ACPIMachine([ACPIMachine.table("APIC", body)])
    let madt = try MADT(machine.read())
    #expect(madt.processors.count == 256)
    #expect(madt.ignoredCount == 4)
  }

  @Test func aTableWithoutItsFixedPartIsMalformed() {
    #expect(throws: FirmwareTablesError.malformed(.madt)) { _ = try read([1, 2, 3]) }
  }
}

@Suite struct FADTTests {
  static func genericAddress(_ space: UInt8, _ address: UInt64) -> [UInt8] {
    [space, 8, 0, 1] + bytes(address)
  }

  static let body = body()

  /// The table after its header, as far as X_PM_TMR_BLK.
  static func body(
    timer: UInt32 = 0x608, timerLength: UInt8 = 4, flags: UInt32 = 1 << 8 | 1 << 10,
    reset: [UInt8] = genericAddress(1, 0xCF9), extendedTimer: [UInt8] = genericAddress(1, 0x1808)
  ) -> [UInt8] {
    var table = [UInt8](repeating: 0, count: 244)
    table.replaceSubrange(76..<80, with: bytes(timer))
    table[91] = timerLength
    table.replaceSubrange(112..<116, with: bytes(flags))
    table.replaceSubrange(116..<128, with: reset)
    table[128] = 6
    table.replaceSubrange(208..<220, with: extendedTimer)
    return Array(table[36...])
  }

  private func read(_ body: [UInt8]) throws(FirmwareTablesError) -> FADT {
    try FADT(ACPIMachine([ACPIMachine.table("FACP", body)]).read())
  }

  @Test func theExtendedTimerFieldIsPreferred() throws {
    let fadt = try read(Self.body)
    #expect(fadt.pmTimer?.register == .port(0x1808))
    #expect(fadt.pmTimer?.width == 32)
    #expect(fadt.resetRegister == .port(0xCF9))
    #expect(fadt.resetValue == 6)
  }

  @Test func theShortTimerFieldServesWhereTheExtendedOneIsEmptyOrAbsent() throws {
    for body in [
      Self.body(flags: 0, extendedTimer: Self.genericAddress(1, 0)),
      Self.body(flags: 0, extendedTimer: Self.genericAddress(1, 0x1_0000)),
      Self.body(flags: 0, extendedTimer: Self.genericAddress(2, 0x40)),
      Array(Self.body(flags: 0)[..<80]),
    ] {
      let timer = try read(body).pmTimer
      #expect(timer?.register == .port(0x608))
      #expect(timer?.width == 24)
    }
  }

  @Test func aMachineWithoutATimerHasNone() throws {
    #expect(try read(Self.body(timerLength: 0)).pmTimer == nil)
    #expect(try read(Self.body(timer: 0, extendedTimer: Self.genericAddress(1, 0))).pmTimer == nil)
    #expect(try read(Self.body(timer: 0x1_0608, extendedTimer: Self.genericAddress(9, 1))).pmTimer == nil)
  }

  @Test func theResetRegisterMayStandInMemoryOrInConfigurationSpace() throws {
    #expect(
      try read(Self.body(reset: Self.genericAddress(0, 0xFED0_0000))).resetRegister
        == .memory(HostPhysicalAddress(0xFED0_0000)))
    #expect(
      try read(Self.body(reset: Self.genericAddress(2, 0x1F_0003_00AC))).resetRegister
        == .pciConfiguration(device: 31, function: 3, offset: 0xAC))
    #expect(try read(Self.body(reset: Self.genericAddress(2, 0x20_0000_00AC))).resetRegister == nil)
    #expect(try read(Self.body(flags: 1 << 8)).resetRegister == nil)
    #expect(try read(Array(Self.body[..<80])).resetRegister == nil)
  }

  @Test func aTableWithoutFlagsIsMalformed() {
    #expect(throws: FirmwareTablesError.malformed(.fadt)) { _ = try read(Array(Self.body[..<79])) }
  }
}

@Suite struct MCFGTests {
  static func window(_ base: UInt64, _ segment: UInt16, _ first: UInt8, _ last: UInt8) -> [UInt8] {
    bytes(base) + bytes(segment) + [first, last, 0, 0, 0, 0]
  }

  static let body = bytes(UInt64(0)) + window(0xB000_0000, 0, 0, 255) + window(0x40_0000_0000, 1, 16, 31)

  private func read(_ body: [UInt8]) throws(FirmwareTablesError) -> MCFG {
    try MCFG(ACPIMachine([ACPIMachine.table("MCFG", body)]).read())
  }

  @Test func everyWindowIsRead() throws {
    let windows = try read(Self.body).windows.array
    #expect(windows.map(\.segment) == [0, 1])
    #expect(windows.map(\.buses) == [0...255, 16...31])
    #expect(windows[0].address(bus: 1, device: 2, function: 3) == HostPhysicalAddress(0xB011_3000))
    #expect(windows[1].address(bus: 16, device: 0, function: 0) == HostPhysicalAddress(0x40_0100_0000))
  }

  @Test func functionsOutsideAWindowHaveNoAddress() throws {
    let window = try read(Self.body).windows.array[1]
    #expect(window.address(bus: 15, device: 0, function: 0) == nil)
    #expect(window.address(bus: 16, device: 32, function: 0) == nil)
    #expect(window.address(bus: 16, device: 0, function: 8) == nil)
  }

  @Test func impossibleAndSurplusWindowsAreIgnoredAndCounted() throws {
    var body =
      bytes(UInt64(0)) + Self.window(0, 0, 2, 1) + Self.window(.max, 0, 0, 0) + Self.window(1 << 52, 0, 0, 0)
    for segment in 0..<18 { body += Self.window(0, UInt16(segment), 0, 0) }
    let mcfg = try read(body + [1, 2, 3])
    #expect(mcfg.windows.array.map(\.segment) == Array(0..<16))
    #expect(mcfg.ignoredCount == 5)
  }
}
