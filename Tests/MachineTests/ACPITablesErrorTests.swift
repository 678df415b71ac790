import Machine
import Testing

/// What `build` throws for the straddling machine after `change`.
private func error(after change: (inout MachineDescription) -> Void) -> ACPITablesError? {
  var machine = ACPISampleMachine.straddling.description
  change(&machine)
  do {
    _ = try ACPITables.build(machine)
    return nil
  } catch {
    return error
  }
}

@Test func machineWithoutAProcessorOrWithTooManyHasNoTables() {
  #expect(error { $0.vCPUs = [] } == .vCPUCount(0))
  #expect(
    error { $0.vCPUs = (0..<1025).map { .init(apicID: $0, proximityDomain: 0) } } == .vCPUCount(1025))
}

@Test func apicIDIsUniqueAndNotTheBroadcast() {
  #expect(error { $0.vCPUs[3].apicID = 1 } == .apicID(1))
  #expect(error { $0.vCPUs[2].apicID = .max } == .apicID(.max))
  #expect(error { $0.vCPUs[2].apicID = .max - 1 } == nil)
}

@Test func domainsAreCountedFromOneTo64AndAllThatIsNamedExists() {
  #expect(error { $0.domainCount = 0 } == .domainCount(0))
  #expect(error { $0.domainCount = -1 } == .domainCount(-1))
  #expect(error { $0.domainCount = 65 } == .domainCount(65))
  #expect(error { $0.vCPUs[0].proximityDomain = 2 } == .unknownDomain(2))
  #expect(error { $0.memory[0].proximityDomain = .max } == .unknownDomain(.max))
}

@Test func memoryRangesExistAreNotEmptyAndDoNotOverlap() {
  #expect(error { $0.memory = [] } == .noMemory)
  #expect(error { $0.memory[1].range = 5..<5 } == .memoryRange(5..<5))
  #expect(error { $0.memory[2].range = 0x7FFF_F000..<0xC000_0000 } == .memoryRange(0x7FFF_F000..<0xC000_0000))
  #expect(error { $0.memory[3].range = 0x1_0000_0000..<UInt64.max } == nil)
}

@Test func matricesHaveOneElementPerPair() {
  #expect(error { $0.distances.removeLast() } == .matrixSize(3))
  #expect(error { $0.memoryAccess?.removeLast() } == .matrixSize(3))
  #expect(error { $0.memoryAccess = [] } == .matrixSize(0))
}

@Test func distanceIs10ToOneselfAndMoreToOthers() {
  #expect(error { $0.distances[3] = 11 } == .distance(from: 1, to: 1))
  #expect(error { $0.distances[1] = 10 } == .distance(from: 0, to: 1))
  #expect(error { $0.distances[2] = 255 } == nil)
}

@Test func tablesThatExceedTheirAreaAreAnError() throws {
  let ranges = { (count: UInt64) in
    (0..<count).map {
      MachineDescription.MemoryRange($0 << 12..<($0 + 1) << 12, proximityDomain: 0)
    }
  }
  #expect(error { $0.memory = ranges(3200) } == nil)
  let result = error { $0.memory = ranges(3300) }
  guard case .tooLarge(let size) = result else {
    Issue.record("\(String(describing: result))")
    return
  }
  #expect(size > ACPITables.maximumSize)
}
