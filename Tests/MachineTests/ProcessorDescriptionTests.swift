import Testing

@testable import Machine

private let firstCore = CPUIDContext(
  apicID: 0, coresInPackage: 2, isLocalAPICEnabled: true, cr4: 1 << 18, xcr0: 1)

private func makePolicy(_ host: some HostCPUID) -> CPUIDPolicy {
  CPUIDPolicy(
    host: host, topology: ProcessorTopology(coresPerPackage: 2),
    frequency: TSCFrequency(hertz: 3_000_000_000)!,
    timerRatio: 1, allowedXCR0: .max, offersSpeculationControl: true)
}

/// Every answer that a guest can get, with some that it gets where CPUID has nothing.
private func answers(_ host: some HostCPUID) -> [CPUIDRegisters] {
  let policy = makePolicy(host)
  var answers: [CPUIDRegisters] = []
  for base: UInt32 in [0, 0x4000_0000, 0x8000_0000] {
    for leaf in base...base + 0x24 {
      // The table's leaves have their registers at their first subleaf. Of caches a description has four.
      let last: UInt32 =
        switch leaf {
        case 0x4, 0x8000_001D: 3
        case 0x7, 0xB, 0xD, 0x1F: 70
        default: 0
        }
      for subleaf in 0...last {
        answers.append(policy.registers(leaf: leaf, subleaf: subleaf, host: host, vCPU: firstCore))
      }
    }
  }
  return answers
}

/// The same in words that tell all of them apart, but for the vendor and the highest leaf.
private func numbered(_ host: TableHostCPUID, from first: UInt32) -> ProcessorDescription {
  var words = InlineArray<120, UInt32>(repeating: 0)
  for index in 0..<120 { words[index] = first &* 0x9E37_79B9 &+ UInt32(index) &* 0x85EB_CA6B }
  var description = ProcessorDescription(words: words)
  description[0] = host[0]
  description[0x8000_0000] = host[0x8000_0000]
  return description
}

private func least(_ hosts: TableHostCPUID...) throws -> ProcessorDescription {
  var description = ProcessorDescription(hosts[0])
  for host in hosts.dropFirst() { try description.reduce(to: ProcessorDescription(host)) }
  return description
}

extension TableHostCPUID {
  /// A processor with AVX-512, saved where Intel's are.
  fileprivate static var skylake: Self {
    var host = haswell
    host[7].ebx |= 0xD003_0000
    host[0xD, 0] = CPUIDRegisters(eax: 0xE7, ebx: 2688, ecx: 2688)
    host[0xD, 5] = CPUIDRegisters(eax: 64, ebx: 1088)
    host[0xD, 6] = CPUIDRegisters(eax: 512, ebx: 1152)
    host[0xD, 7] = CPUIDRegisters(eax: 1024, ebx: 1664)
    return host
  }

  fileprivate func with(_ change: (inout Self) -> Void) -> Self {
    var copy = self
    change(&copy)
    return copy
  }
}

/// The first answer that differs, if one does.
private func difference(_ first: some HostCPUID, _ second: some HostCPUID) -> Int? {
  let (first, second) = (answers(first), answers(second))
  return first.indices.first { first[$0] != second[$0] }
}

struct ProcessorDescriptionTests {
  @Test func aGuestSeesTheSameAsOnTheProcessorThatIsDescribed() {
    for host in [TableHostCPUID.haswell, .epyc, .skylake] {
      #expect(difference(ProcessorDescription(host), host) == nil)
      // All that a description could leave out is there.
      let full = host.with {
        $0.filler = CPUIDRegisters(eax: 0x1234_5678, ebx: 77, ecx: 0xF0F, edx: 0x5555_AAAA)
      }
      #expect(difference(ProcessorDescription(full), full) == nil)
    }
  }

  /// As processors do: a program leaves in ECX whatever there was.
  @Test func leavesWithoutSubleavesHaveOneAnswer() {
    let description = ProcessorDescription(TableHostCPUID.epyc)
    for leaf: UInt32 in [0, 1, 2, 0x8000_0000, 0x8000_0001, 0x8000_0002, 0x8000_0005, 0x8000_0008] {
      #expect(
        description.registers(leaf: leaf, subleaf: 0xFFFF_FFFF)
          == description.registers(leaf: leaf, subleaf: 0))
    }
    for leaf: UInt32 in [4, 7, 0xD, 0x8000_001D] {
      #expect(description.registers(leaf: leaf, subleaf: 0xFFFF_FFFF) == CPUIDRegisters())
    }
  }

  @Test func itsWordsAreTheDescription() {
    let description = numbered(.epyc, from: 1)
    #expect(ProcessorDescription(words: description.words) == description)
    #expect(ProcessorDescription(description) == description)
    #expect(numbered(.epyc, from: 2) != description)
  }

  @Test func alikeProcessorsStayWhatTheyAre() throws {
    for host in [TableHostCPUID.haswell, .epyc, .skylake] {
      let both = try least(host, host)
      #expect(both == ProcessorDescription(host))
    }
  }

  @Test func otherMakersAreRefused() {
    #expect(throws: UnlikeProcessors.vendor) { try least(.haswell, .epyc) }
    #expect(throws: UnlikeProcessors.vendor) { try least(.epyc, .epyc.with { $0[0].edx ^= 1 }) }
  }

  /// Which feature a word has for which leaf: only what both have remains, from either side.
  @Test func aFeatureIsThereOnlyIfBothHaveIt() throws {
    let words: [(UInt32, UInt32, WritableKeyPath<CPUIDRegisters, UInt32>)] = [
      (1, 0, \.ecx), (1, 0, \.edx), (7, 0, \.ecx), (7, 0, \.edx), (7, 1, \.eax), (0xD, 1, \.eax),
      (0x8000_0001, 0, \.ecx), (0x8000_0001, 0, \.edx), (0x8000_0008, 0, \.ebx),
    ]
    for (leaf, subleaf, register) in words {
      for bit: UInt32 in 0..<32 {
        let with = TableHostCPUID.epyc.with { $0[leaf, subleaf][keyPath: register] |= 1 << bit }
        let without = TableHostCPUID.epyc.with { $0[leaf, subleaf][keyPath: register] &= ~(1 << bit) }
        #expect(try least(with, with)[leaf, subleaf][keyPath: register] >> bit & 1 == 1)
        #expect(try least(with, without)[leaf, subleaf][keyPath: register] >> bit & 1 == 0)
        #expect(try least(without, with)[leaf, subleaf][keyPath: register] >> bit & 1 == 0)
      }
    }
  }

  @Test func whatIsAbsentOnOneIsAbsentForTheGuest() throws {
    for bit: UInt32 in [6, 13] {
      let deprecated = TableHostCPUID.haswell.with { $0[7].ebx |= 1 << bit }
      let present = TableHostCPUID.haswell.with { $0[7].ebx &= ~(1 << bit) }
      #expect(try least(deprecated, present)[7].ebx >> bit & 1 == 1)
      #expect(try least(present, deprecated)[7].ebx >> bit & 1 == 1)
      #expect(try least(present, present)[7].ebx >> bit & 1 == 0)
    }
  }

  @Test func sizesAreTheSmaller() throws {
    let large = TableHostCPUID.epyc.with {
      $0[1].ebx = 0x0040_1005
      $0[7].eax = 1
      $0[0x8000_0000].eax = 0x8000_001F
      $0[0x8000_0008].eax = 0x3934
    }
    let small = TableHostCPUID.epyc.with {
      $0[1].ebx = 0x0040_0806
      $0[7].eax = 0
      $0[0x8000_0000].eax = 0x8000_0008
      $0[0x8000_0008].eax = 0x302B
    }
    for (first, second) in [(large, small), (small, large)] {
      let both = try least(first, second)
      #expect(both[1].ebx & 0xFFFF == 0x0800 | first[1].ebx & 0xFF)
      #expect(both[7].eax == 0)
      #expect(both[0x8000_0000].eax == 0x8000_0008)
      #expect(both[0x8000_0008].eax == 0x302B)
      #expect(makePolicy(both).physicalAddressBits == 43)
    }
  }

  @Test func whoseNameItIsAndWhatCachesItHasIsTheFirstOnes() throws {
    let other = TableHostCPUID.epyc.with {
      $0[1].eax = 0x83_0F10
      $0[0x8000_0002].eax = 1
      $0[0x8000_0005].ecx = 2
      $0[0x8000_001D, 3].eax = 3
    }
    let first = try least(.epyc, other)
    #expect(first == ProcessorDescription(TableHostCPUID.epyc))
    let reversed = try least(other, .epyc)
    #expect(reversed == ProcessorDescription(other))
  }

  @Test func aGuestMaySetNoStateThatOneOfThemLacks() throws {
    let policy = makePolicy(try least(.skylake, .haswell))
    #expect(policy.offeredXCR0 == 7)
    #expect(policy.isValid(xcr0: 7) && !policy.isValid(xcr0: 0xE7))
    let withoutAVX = TableHostCPUID.haswell.with {
      $0[1].ecx &= ~(1 << 28)
      $0[0xD].eax = 3
    }
    let both = try least(.skylake, withoutAVX)
    let least = makePolicy(both)
    #expect(least.offeredXCR0 == 3)
    #expect(!least.isValid(xcr0: 7))
    // FMA, AVX and F16C; AVX2 and AVX-512.
    #expect(least.registers(leaf: 1, subleaf: 0, host: both, vCPU: firstCore).ecx & 0x3000_1000 == 0)
    #expect(least.registers(leaf: 7, subleaf: 0, host: both, vCPU: firstCore).ebx & 0xD003_0020 == 0)
  }

  @Test func stateThatIsSavedElsewhereIsNoneThatBothHave() throws {
    let moved = TableHostCPUID.skylake.with { $0[0xD, 6].ebx = 1216 }
    for policy in [makePolicy(try least(.skylake, moved)), makePolicy(try least(moved, .skylake))] {
      #expect(policy.offeredXCR0 == 7)
    }
    let aligned = TableHostCPUID.skylake.with { $0[0xD, 2].ecx = 0b10 }
    #expect(makePolicy(try least(.skylake, aligned)).offeredXCR0 == 3)
    // What the other bits of ECX say concerns no guest.
    let other = TableHostCPUID.skylake.with { $0[0xD, 6].ecx = 0b100 }
    #expect(makePolicy(try least(.skylake, other)).offeredXCR0 == 0xE7)
  }

  @Test func aThirdNodeTakesAwayMore() throws {
    let withoutRDRAND = TableHostCPUID.haswell.with { $0[1].ecx &= ~(1 << 30) }
    let withoutMOVBE = TableHostCPUID.haswell.with { $0[1].ecx &= ~(1 << 22) }
    let all = try least(.haswell, withoutRDRAND, withoutMOVBE)
    #expect(all[1].ecx == TableHostCPUID.haswell[1].ecx & ~(1 << 30 | 1 << 22))
    let reversed = try least(withoutMOVBE, .haswell, withoutRDRAND)
    #expect(reversed == all)
  }

  /// Whatever a node announces.
  @Test func anyWordsMakeADescriptionWithinBounds() throws {
    for seed: UInt32 in 1..<50 {
      var description = numbered(.epyc, from: seed)
      try description.reduce(to: numbered(.epyc, from: seed &+ 100))
      let policy = makePolicy(description)
      #expect(32...48 ~= policy.physicalAddressBits)
      #expect(policy.offeredXCR0 & ~0x2E7 == 0)
      #expect(answers(description).count == answers(TableHostCPUID.epyc).count)
    }
  }

  @Test func registersGoWithWhatIsOffered() throws {
    let without = TableHostCPUID.epyc.with {
      $0[0x8000_0001].edx &= ~(1 << 27 | 1 << 25 | 1 << 20)  // RDTSCP, fast FXSAVE, NX
      $0[7].ecx &= ~(1 << 22)  // RDPID
    }
    func registers(_ description: ProcessorDescription) -> ModelSpecificRegisters {
      ModelSpecificRegisters(
        policy: makePolicy(description), microcodeRevision: 0, architecturalCapabilities: 0)
    }
    let all = registers(try least(.epyc, .epyc))
    let few = registers(try least(.epyc, without))
    #expect(all.kind(of: 0xC000_0103) == .passThrough)
    #expect(few.kind(of: 0xC000_0103) == .unknown)
    for bit: UInt64 in [11, 14] {
      #expect(try all.extendedFeatures(writing: 1 << bit, current: 0, isPaging: false) == 1 << bit)
      #expect(throws: GeneralProtection.self) {
        try few.extendedFeatures(writing: 1 << bit, current: 0, isPaging: false)
      }
    }
  }
}
