import Firmware
import Memory
import Testing

/// A machine that a Multiboot 1 loader left: the structure at 0x1000, what it points to at fixed places.
struct Multiboot1Machine {
  var memory = TestMemory(count: 0x1_0000)
  var flags: UInt32 = 0b10_0100_1101

  init() {
    memory.put(text("/boot/bigiron.elf log=debug"), at: 0x2000)
    memory.put(text("Loader 1.0"), at: 0x2100)
    memory.put(text("bzImage console=ttyS0"), at: 0x2200)
    putModules([(0x8000, 0x9000, 0x2200), (0x9000, 0x9000, 0)])
    putMemoryMap([(0, 0x9_FC00, 1), (0x9_FC00, 0x400, 2), (0x10_0000, 0x700_0000, 1)])
    put(0, flags)
    put(4, 639)
    put(8, 0x1_C000)
    put(16, 0x2000)
    put(64, 0x2100)
  }

  mutating func put(_ offset: Int, _ value: UInt32) { memory.put(bytes(value), at: 0x1000 + offset) }

  mutating func putModules(_ modules: [(UInt32, UInt32, UInt32)]) {
    put(20, UInt32(modules.count))
    put(24, 0x3000)
    memory.put(modules.flatMap { bytes($0.0) + bytes($0.1) + bytes($0.2) + bytes(UInt32(0)) }, at: 0x3000)
  }

  mutating func putMemoryMap(_ map: [(UInt64, UInt64, UInt32)]) {
    put(44, UInt32(24 * map.count))
    put(48, 0x4000)
    memory.put(map.flatMap { bytes(UInt32(20)) + bytes($0.0) + bytes($0.1) + bytes($0.2) }, at: 0x4000)
  }

  func read() throws(BootInformationError) -> BootInformation {
    try BootInformation(magic: 0x2BAD_B002, address: HostPhysicalAddress(0x1000), memory: memory)
  }
}

@Suite struct Multiboot1Tests {
  @Test func everyFieldIsRead() throws {
    let machine = Multiboot1Machine()
    let information = try machine.read()
    #expect(machine.memory.text(information.commandLine) == "/boot/bigiron.elf log=debug")
    #expect(machine.memory.text(information.loaderName) == "Loader 1.0")
    #expect(
      information.modules.array == [
        BootModule(bytes: physical(0x8000..<0x9000), string: physical(0x2200..<0x2215)),
        BootModule(bytes: physical(0x9000..<0x9000), string: physical(0..<0)),
      ])
    #expect(
      information.memoryMap.entries.array == [
        .init(physical(0..<0x9_F000), .usable), .init(physical(0x9_FC00..<0xA_0000), .reserved),
        .init(physical(0x10_0000..<0x710_0000), .usable),
      ])
    #expect(information.rootPointer == nil)
    #expect(!information.isUEFI)
    #expect(information.ignoredCount == 0)
  }

  @Test func memorySizesStandInForAMissingMap() throws {
    var machine = Multiboot1Machine()
    machine.put(0, 1)
    let information = try machine.read()
    #expect(
      information.memoryMap.entries.array == [
        .init(physical(0..<0x9_F000), .usable), .init(physical(0x10_0000..<0x710_0000), .usable),
      ])
    #expect(information.commandLine.isEmpty)
    #expect(information.modules.isEmpty)
  }

  @Test func neitherMapNorSizesIsAnError() {
    var machine = Multiboot1Machine()
    machine.put(0, 0b100)
    #expect(throws: BootInformationError.noMemoryMap) { try machine.read() }
  }

  @Test(arguments: [UInt32(0), 19]) func aMapEntryThatIsTooShortIsAnError(size: UInt32) {
    var machine = Multiboot1Machine()
    machine.memory.put(bytes(size), at: 0x4000 + 24)
    #expect(throws: BootInformationError.malformedMemoryMap) { try machine.read() }
  }

  @Test func aMapThatEndsWithinAnEntryOrBeyondMemoryIsAnError() {
    var machine = Multiboot1Machine()
    machine.put(44, 24 * 3 - 1)
    #expect(throws: BootInformationError.malformedMemoryMap) { try machine.read() }
    machine.put(44, 24 * 3)
    machine.put(48, 0xFFFF_FFF8)
    #expect(throws: BootInformationError.malformedMemoryMap) { try machine.read() }
  }

  @Test func aMapOfTooManyEntriesIsAnError() {
    var machine = Multiboot1Machine()
    machine.putMemoryMap((0..<257).map { (UInt64($0) << 20, 0x1000, 1) })
    #expect(throws: BootInformationError.memoryMapTooLong) { try machine.read() }
    machine.putMemoryMap((0..<256).map { (UInt64($0) << 20, 0x1000, 1) })
    #expect(throws: Never.self) { try machine.read() }
  }

  @Test func rangesThatWrapAreCutOrIgnored() throws {
    var machine = Multiboot1Machine()
    machine.putMemoryMap([(0x1000, .max, 1), (0x2000, 0x2000, 1), (.max - 0xFFF, .max, 2), (0x5000, 0, 2)])
    let information = try machine.read()
    #expect(
      information.memoryMap.entries.array == [
        .init(physical(0x2000..<0x4000), .usable),
        .init(physical(UInt64.max - 0xFFF..<UInt64.max), .reserved),
      ])
    #expect(information.ignoredCount == 1)
  }

  @Test func modulesThatCannotBeReadAreIgnoredAndCounted() throws {
    var machine = Multiboot1Machine()
    machine.putModules([
      (0x9000, 0x8000, 0), (0x8000, 0x1_0001, 0), (0x8000, 0x1_0000, 0), (0xFFFF_0000, 0, 0),
    ])
    let information = try machine.read()
    #expect(information.modules.array.map(\.bytes) == [physical(0x8000..<0x1_0000)])
    #expect(information.ignoredCount == 3)
  }

  @Test func modulesBeyondTheSixteenthAreIgnoredAndCounted() throws {
    var machine = Multiboot1Machine()
    machine.putModules((0..<20).map { (0x8000 + $0, 0x9000, 0) })
    let information = try machine.read()
    #expect(information.modules.array.map(\.bytes.lowerBound.value) == (0..<16).map { 0x8000 + $0 })
    #expect(information.ignoredCount == 4)
    machine.put(20, .max)
    #expect(try machine.read().ignoredCount == Int(UInt32.max) - 16)
  }

  @Test func aTextWithoutAnEndIsIgnoredAndCounted() throws {
    var machine = Multiboot1Machine()
    machine.memory.put([UInt8](repeating: 0x41, count: 4096), at: 0x6000)
    machine.put(16, 0x6000)
    #expect(try machine.read().ignoredCount == 1)
    #expect(try machine.read().commandLine.isEmpty)
    machine.put(16, 0x6001)
    #expect(try machine.read().commandLine == physical(0x6001..<0x7000))
    machine.put(16, 0xFFFF_FFFF)
    #expect(try machine.read().ignoredCount == 1)
  }

  @Test func aStructureBeyondMemoryIsAnError() {
    let memory = TestMemory(count: 0x1000)
    for address: UInt64 in [0x1000, 0xFFD, .max] {
      #expect(throws: BootInformationError.unreadable(HostPhysicalAddress(address))) {
        try BootInformation(magic: 0x2BAD_B002, address: HostPhysicalAddress(address), memory: memory)
      }
    }
  }

  @Test func anUnknownMagicIsAnError() {
    #expect(throws: BootInformationError.unknownMagic(0x2BAD_B003)) {
      try BootInformation(magic: 0x2BAD_B003, address: HostPhysicalAddress(0), memory: TestMemory(count: 64))
    }
  }

  @Test func mutatedStructuresNeverTrap() {
    var generator = SeededGenerator(state: 1)
    let machine = Multiboot1Machine()
    for _ in 0..<50_000 {
      var mutant = machine.memory
      mutate(&mutant, in: 0x1000..<0x1050, with: &generator)
      mutate(&mutant, in: 0x3000..<0x3020, with: &generator)
      mutate(&mutant, in: 0x4000..<0x4048, with: &generator)
      _ = try? BootInformation(magic: 0x2BAD_B002, address: HostPhysicalAddress(0x1000), memory: mutant)
    }
  }
}

/// A Multiboot 2 structure, tag by tag.
struct Multiboot2Structure {
  var tags: [UInt8] = []

  mutating func add(_ type: UInt32, _ body: [UInt8]) {
    tags += bytes(type) + bytes(UInt32(8 + body.count)) + body
    tags += [UInt8](repeating: 0, count: (8 - tags.count % 8) % 8)
  }

  mutating func addMemoryMap(stride: UInt32 = 24, _ map: [(UInt64, UInt64, UInt32)]) {
    let padding = [UInt8](repeating: 0xEE, count: max(0, Int(stride) - 20))
    add(
      6,
      bytes(stride) + bytes(UInt32(0))
        + map.flatMap { bytes($0.0) + bytes($0.1) + bytes($0.2) + padding })
  }

  static var full: Multiboot2Structure {
    var structure = Multiboot2Structure()
    structure.add(1, text("log=debug nodes=2"))
    structure.add(2, text("GRUB 2.06"))
    structure.add(3, bytes(UInt32(0x8000)) + bytes(UInt32(0x8800)) + text("bzImage quiet"))
    structure.add(3, bytes(UInt32(0x8800)) + bytes(UInt32(0x9000)) + text(""))
    structure.add(4, bytes(UInt32(639)) + bytes(UInt32(0x1_C000)))
    structure.addMemoryMap([(0, 0x9_FC00, 1), (0x10_0000, 0x700_0000, 1), (0x710_0000, 0x1000, 3)])
    structure.add(9, [1, 2, 3])
    structure.add(14, [UInt8](repeating: 0x14, count: 20))
    structure.add(15, [UInt8](repeating: 0x15, count: 36))
    return structure
  }

  var memory: TestMemory {
    var memory = TestMemory(count: 0xA000)
    let whole = tags + bytes(UInt32(0)) + bytes(UInt32(8))
    memory.put(bytes(UInt32(8 + whole.count)) + bytes(UInt32(0)) + whole, at: 0x1000)
    return memory
  }
}

@Suite struct Multiboot2Tests {
  private func read(_ memory: TestMemory) throws(BootInformationError) -> BootInformation {
    try BootInformation(magic: 0x36D7_6289, address: HostPhysicalAddress(0x1000), memory: memory)
  }

  @Test func everyTagIsRead() throws {
    let memory = Multiboot2Structure.full.memory
    let information = try read(memory)
    #expect(memory.text(information.commandLine) == "log=debug nodes=2")
    #expect(memory.text(information.loaderName) == "GRUB 2.06")
    #expect(
      information.modules.array.map(\.bytes) == [physical(0x8000..<0x8800), physical(0x8800..<0x9000)])
    #expect(information.modules.array.map { memory.text($0.string) } == ["bzImage quiet", ""])
    #expect(
      information.memoryMap.entries.array == [
        .init(physical(0..<0x9_F000), .usable), .init(physical(0x10_0000..<0x710_0000), .usable),
        .init(physical(0x710_0000..<0x710_1000), .acpiReclaimable),
      ])
    #expect(information.rootPointer.flatMap { memory.byte(at: $0) } == 0x15)
    #expect(!information.isUEFI)
    #expect(information.ignoredCount == 0)
  }

  @Test(arguments: [[14, 15], [15, 14]] as [[UInt32]])
  func theNewRootPointerIsPreferred(order: [UInt32]) throws {
    var structure = Multiboot2Structure()
    structure.addMemoryMap([(0, 0x1000, 1)])
    for tag in order { structure.add(tag, [UInt8](repeating: UInt8(tag), count: 36)) }
    let memory = structure.memory
    #expect(try read(memory).rootPointer.flatMap { memory.byte(at: $0) } == 15)
  }

  @Test func anOldRootPointerServesAlone() throws {
    var structure = Multiboot2Structure()
    structure.addMemoryMap([(0, 0x1000, 1)])
    structure.add(14, [UInt8](repeating: 14, count: 20))
    structure.add(15, [UInt8](repeating: 15, count: 35))
    let memory = structure.memory
    #expect(try read(memory).rootPointer.flatMap { memory.byte(at: $0) } == 14)
    #expect(try read(memory).ignoredCount == 1)
  }

  @Test(arguments: [UInt32(11), 12, 17]) func anyUEFITagSaysThatTheFirmwareIsUEFI(tag: UInt32) throws {
    var structure = Multiboot2Structure.full
    structure.add(tag, [UInt8](repeating: 0, count: 8))
    #expect(try read(structure.memory).isUEFI)
  }

  @Test func entriesOfALaterVersionAreReadByTheirStride() throws {
    var structure = Multiboot2Structure()
    structure.addMemoryMap(stride: 40, [(0, 0x1000, 1), (0x2000, 0x1000, 2)])
    #expect(
      try read(structure.memory).memoryMap.entries.array == [
        .init(physical(0..<0x1000), .usable), .init(physical(0x2000..<0x3000), .reserved),
      ])
  }

  @Test func memorySizesStandInForAMissingMap() throws {
    var structure = Multiboot2Structure()
    structure.add(4, bytes(UInt32.max) + bytes(UInt32(0x400)))
    #expect(
      try read(structure.memory).memoryMap.entries.array == [
        .init(physical(0..<0xA_0000), .usable), .init(physical(0x10_0000..<0x20_0000), .usable),
      ])
    #expect(throws: BootInformationError.noMemoryMap) { try read(Multiboot2Structure().memory) }
  }

  @Test(arguments: [UInt32(0), 19]) func aStrideThatIsTooShortIsAnError(stride: UInt32) {
    var structure = Multiboot2Structure()
    structure.addMemoryMap(stride: stride, [(0, 0x1000, 1)])
    #expect(throws: BootInformationError.malformedMemoryMap) { try read(structure.memory) }
  }

  @Test(arguments: [UInt32(0), 7, 0x4000, .max])
  func aTagOfImpossibleSizeEndsTheList(size: UInt32) throws {
    var structure = Multiboot2Structure()
    structure.addMemoryMap([(0, 0x1000, 1)])
    structure.tags += bytes(UInt32(1)) + bytes(size)
    structure.add(15, [UInt8](repeating: 0, count: 36))
    let information = try read(structure.memory)
    #expect(information.rootPointer == nil)
    #expect(information.ignoredCount == 1)
  }

  @Test func aTextWithoutANULInItsTagIsIgnoredAndCounted() throws {
    var structure = Multiboot2Structure()
    structure.addMemoryMap([(0, 0x1000, 1)])
    structure.add(1, Array("log=warn".utf8))
    let information = try read(structure.memory)
    #expect(information.commandLine.isEmpty)
    #expect(information.ignoredCount == 1)
  }

  @Test func aStructureThatReachesBeyondMemoryIsAnError() {
    var memory = TestMemory(count: 0x1010)
    memory.put(bytes(UInt32(0x1000)), at: 0x1000)
    memory.put(bytes(UInt32(21)) + bytes(UInt32(8)), at: 0x1008)
    #expect(throws: BootInformationError.unreadable(HostPhysicalAddress(0x1010))) { try read(memory) }
  }

  @Test func mutatedStructuresNeverTrap() {
    var generator = SeededGenerator(state: 2)
    let structure = Multiboot2Structure.full
    let memory = structure.memory
    for _ in 0..<50_000 {
      var mutant = memory
      mutate(&mutant, in: 0x1000..<0x1010 + structure.tags.count, with: &generator)
      _ = try? read(mutant)
    }
  }
}
