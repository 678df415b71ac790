import Machine
import Memory
import Testing

@Test(arguments: ACPISampleMachine.allCases)
func rootPointerComesFirstWithBothChecksums(_ machine: ACPISampleMachine) throws {
  let block = try ACPITables.build(machine.description)
  #expect(String(decoding: block.prefix(8), as: UTF8.self) == "RSD PTR ")
  #expect(sum(block.prefix(20)) == 0)
  #expect(sum(block.prefix(36)) == 0)
  #expect(block[15] == 2)
  #expect(Array(block[16..<24]) == [0, 0, 0, 0, 36, 0, 0, 0], "no RSDT; length")
}

@Test(arguments: ACPISampleMachine.allCases)
func everyTableIsReachableAlignedChecksummedAndApart(_ machine: ACPISampleMachine) throws {
  let parser = try ACPITableParser(machine.description)
  #expect(parser.block.count <= ACPITables.maximumSize)
  let hmat = machine.description.memoryAccess == nil ? [] : ["HMAT"]
  #expect(parser.tables.map(\.signature) == ["XSDT", "FACP", "APIC", "SRAT", "SLIT"] + hmat + ["DSDT"])
  var end = ACPITables.address.value + 36
  for table in parser.tables.sorted(by: { $0.address < $1.address }) {
    #expect(table.address % 16 == 0)
    #expect(table.address >= end)
    #expect(sum(table.bytes) == 0)
    end = table.address + UInt64(table.bytes.count)
  }
  #expect(end == ACPITables.address.value + UInt64(parser.block.count))
}

@Test func bothPointersToTheDSDTAgreeAndThereIsNoFACS() throws {
  let parser = try ACPITableParser(ACPISampleMachine.single.description)
  let fadt = try parser["FACP"]
  #expect(try fadt.field(UInt32.self, at: 40) == UInt32(parser["DSDT"].address))
  #expect(try fadt.field(UInt64.self, at: 140) == parser["DSDT"].address)
  #expect(try fadt.field(UInt32.self, at: 36) == 0)
  #expect(try fadt.field(UInt64.self, at: 132) == 0)
}

@Test func apicIDsFrom255OnTakeX2APICStructures() throws {
  let machine = ACPISampleMachine.large.description
  let parser = try ACPITableParser(machine)
  let madt = try parser["APIC"].structures(from: 44)
  let local = madt.filter { $0.bytes[0] == 0 }
  let x2 = madt.filter { $0.bytes[0] == 9 }
  #expect(local.map { UInt32($0.bytes[3]) } == Array(0..<255))
  #expect(try x2.map { try $0.field(UInt32.self, at: 4) } == Array(255..<300))
  #expect(local.allSatisfy { $0.bytes[2] == $0.bytes[3] })
  #expect(try x2.allSatisfy { try $0.field(UInt32.self, at: 12) == $0.field(UInt32.self, at: 4) })
  #expect(madt.dropFirst(300).map { $0.bytes[0] } == [1, 4, 10])

  let srat = try parser["SRAT"].structures(from: 48)
  let domains = try srat.prefix(300).map {
    $0.bytes[0] == 0 ? UInt32($0.bytes[2]) : try $0.field(UInt32.self, at: 4)
  }
  let ids = try srat.prefix(300).map {
    $0.bytes[0] == 0 ? UInt32($0.bytes[3]) : try $0.field(UInt32.self, at: 8)
  }
  #expect(domains == machine.vCPUs.map(\.proximityDomain))
  #expect(ids == machine.vCPUs.map(\.apicID))
}

@Test func noX2APICStructureStandsWhereNoneIsNeeded() throws {
  let madt = try ACPITableParser(ACPISampleMachine.straddling.description)["APIC"].structures(from: 44)
  #expect(madt.map { $0.bytes[0] } == [0, 0, 0, 0, 1, 4])
}

@Test func uidsFitWhereALowAPICIDComesLate() throws {
  var machine = ACPISampleMachine.large.description
  machine.vCPUs.reverse()
  let last = try #require(ACPITableParser(machine)["APIC"].structures(from: 44).dropFirst(299).first)
  #expect(last.bytes.prefix(4) == [0, 8, 0, 0])
}

@Test(arguments: ACPISampleMachine.allCases)
func memoryAffinityRepeatsTheRanges(_ machine: ACPISampleMachine) throws {
  let memory = try ACPITableParser(machine.description)["SRAT"].structures(from: 48).filter {
    $0.bytes[0] == 1
  }
  let ranges = try memory.map {
    let base = try $0.field(UInt64.self, at: 8)
    return MachineDescription.MemoryRange(
      base..<base + (try $0.field(UInt64.self, at: 16)), proximityDomain: try $0.field(UInt32.self, at: 2))
  }
  #expect(ranges == machine.description.memory)
  #expect(try memory.allSatisfy { try $0.field(UInt32.self, at: 28) == 1 })
}

@Test func slitHoldsTheMatrixRowByRow() throws {
  let slit = try ACPITableParser(ACPISampleMachine.straddling.description)["SLIT"]
  #expect(try slit.field(UInt64.self, at: 36) == 2)
  #expect(Array(slit.bytes.dropFirst(44)) == [10, 40, 50, 10])
}

/// Reads the two matrices of an HMAT as an operating system does.
private struct HMAT {
  let attributes: [ACPITable]
  let localities: [ACPITable]

  init(_ machine: MachineDescription) throws {
    let structures = try ACPITableParser(machine)["HMAT"].structures(
      from: 40, length: UInt32.self, lengthOffset: 4)
    attributes = structures.filter { $0.bytes[0] == 0 }
    localities = structures.filter { $0.bytes[0] == 1 }
  }

  /// Domains, base unit and raw entries of the matrix of this data type.
  func matrix(
    _ dataType: UInt8
  ) throws -> (initiators: [UInt32], targets: [UInt32], unit: UInt64, entries: [UInt16]) {
    let table = try #require(localities.first { $0.bytes[9] == dataType })
    let initiatorCount = Int(try table.field(UInt32.self, at: 12))
    let targetCount = Int(try table.field(UInt32.self, at: 16))
    let domains = try (0..<initiatorCount + targetCount).map { try table.field(UInt32.self, at: 32 + 4 * $0) }
    let entries = try (0..<initiatorCount * targetCount).map {
      try table.field(UInt16.self, at: 32 + 4 * domains.count + 2 * $0)
    }
    #expect(table.bytes.count == 32 + 4 * domains.count + 2 * entries.count)
    return (
      Array(domains.prefix(initiatorCount)), Array(domains.dropFirst(initiatorCount)),
      try table.field(UInt64.self, at: 24), entries
    )
  }
}

@Test func hmatTellsLatencyInPicosecondsAndBandwidthInMegabytes() throws {
  let machine = ACPISampleMachine.straddling.description
  let access = try #require(machine.memoryAccess)
  let hmat = try HMAT(machine)
  let latency = try hmat.matrix(0)
  let bandwidth = try hmat.matrix(3)
  for (entry, expected) in zip(latency.entries, access) {
    let picoseconds = UInt64(entry) * latency.unit
    #expect(picoseconds >= 1000 * UInt64(expected.latency))
    #expect(picoseconds < 1000 * UInt64(expected.latency) + latency.unit)
  }
  #expect(bandwidth.unit == 1)
  #expect(bandwidth.entries == [20_000, 110, 100, 0])
}

@Test func extremeFiguresStayReachable() throws {
  var machine = ACPISampleMachine.straddling.description
  machine.memoryAccess = [
    .init(latency: 1, bandwidth: 0xFFFE), .init(latency: .max, bandwidth: 1),
    .init(latency: 0, bandwidth: 0xFFFF), .init(latency: 7, bandwidth: 2),
  ]
  let latency = try HMAT(machine).matrix(0)
  #expect(latency.entries == [1, 0xFFFE, 0, 1])
  #expect(UInt64(0xFFFE) * latency.unit >= 1000 * UInt64(UInt32.max))
  let bandwidth = try HMAT(machine).matrix(3)
  #expect(bandwidth.unit == 2)
  #expect(bandwidth.entries == [0x7FFF, 1, 0x8000, 1])
}

@Test func onlyDomainsWithProcessorsInitiateAndOnlyDomainsWithMemoryAreTargets() throws {
  let access = (0..<9).map { MachineDescription.MemoryAccess(latency: 100 + $0, bandwidth: 1) }
  let machine = MachineDescription(
    vCPUs: [.init(apicID: 0, proximityDomain: 0), .init(apicID: 1, proximityDomain: 1)],
    memory: [.init(0..<1 << 30, proximityDomain: 1), .init(1 << 30..<2 << 30, proximityDomain: 2)],
    domainCount: 3, distances: [10, 20, 20, 20, 10, 20, 20, 20, 10], memoryAccess: access)
  let hmat = try HMAT(machine)
  let latency = try hmat.matrix(0)
  #expect(latency.initiators == [0, 1])
  #expect(latency.targets == [1, 2])
  #expect(latency.entries == [101, 102, 104, 105])
  let attached = try hmat.attributes.map {
    (try $0.field(UInt16.self, at: 8), try $0.field(UInt32.self, at: 12), try $0.field(UInt32.self, at: 16))
  }
  #expect(attached.map(\.0) == [1, 0])
  #expect(attached.map(\.1) == [1, 0])
  #expect(attached.map(\.2) == [1, 2])
}

@Test func resetVectorWritesTheResetRegisterAndEndsWithTheFirstMebibyte() {
  let code = ResetVector.code
  #expect(code.indices.map { code[$0] } == [0xBA, 0x04, 0x06, 0xB0, 0x01, 0xEE, 0xF4, 0xEB, 0xFD])
  #expect(
    GuestMemoryMap.firmwareTables.upperBound - ResetVector.address.value == 16,
    "FFFF:0000 is 16 bytes below 1 MiB")
}

@Test func portsDoNotCollide() {
  let ranges =
    [GuestPorts.rtc, GuestPorts.com1, GuestPorts.com2, GuestPorts.pmTimer]
    + [GuestPorts.sleepControl, GuestPorts.sleepStatus, GuestPorts.reset].map { $0..<$0 + 1 }
  let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
  #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
}
