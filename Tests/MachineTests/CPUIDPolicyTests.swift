import Support
import Testing

@testable import Machine

private func makePolicy(
  _ host: TableHostCPUID, coresPerPackage: UInt32 = 6, hertz: UInt64 = 3_400_000_000, timerRatio: UInt16 = 1,
  allowedXCR0: UInt64 = .max, offersSpeculationControl: Bool = false
) -> CPUIDPolicy {
  CPUIDPolicy(
    host: host, topology: ProcessorTopology(coresPerPackage: coresPerPackage),
    frequency: TSCFrequency(hertz: hertz)!, timerRatio: timerRatio, allowedXCR0: allowedXCR0,
    offersSpeculationControl: offersSpeculationControl)
}

/// The third core of the second package, at reset.
private let thirdCore = CPUIDContext(
  apicID: 10, coresInPackage: 6, isLocalAPICEnabled: true, cr4: 0, xcr0: 1)

/// A processor that has everything: every register of every leaf is all ones, apart from the sizes.
private var everything: TableHostCPUID {
  var host = TableHostCPUID.haswell
  host.filler = CPUIDRegisters(eax: .max, ebx: .max, ecx: .max, edx: .max)
  for leaf: UInt32 in [1, 5, 6, 7, 0xA, 0x8000_0001, 0x8000_0007, 0x8000_0008] { host[leaf] = host.filler }
  host[0xD, 0] = host.filler
  host[0xD, 1] = host.filler
  return host
}

struct CPUIDPolicyTests {
  @Test func theVendorIsTheHostsAndTheHighestLeavesAreOurs() {
    let intel = makePolicy(.haswell).registers(
      leaf: 0, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(intel == CPUIDRegisters(eax: 0x1F, ebx: 0x756E_6547, ecx: 0x6C65_746E, edx: 0x4965_6E69))
    let amd = makePolicy(.epyc)
    #expect(amd.vendor == .amd)
    #expect(amd.registers(leaf: 0, subleaf: 0, host: TableHostCPUID.epyc, vCPU: thirdCore).eax == 0xD)
    #expect(
      amd.registers(leaf: 0x8000_0000, subleaf: 0, host: TableHostCPUID.epyc, vCPU: thirdCore).eax
        == 0x8000_001E)
    #expect(
      amd.registers(leaf: 0x8000_001F, subleaf: 0, host: TableHostCPUID.epyc, vCPU: thirdCore)
        == CPUIDRegisters())
    #expect(
      amd.registers(leaf: 0x15, subleaf: 0, host: TableHostCPUID.epyc, vCPU: thirdCore) == CPUIDRegisters())
  }

  @Test func whatIsEmulatedIsThereOnAnyHost() {
    for host in [TableHostCPUID.haswell, .epyc] {
      let policy = makePolicy(host)
      let leaf1 = policy.registers(leaf: 1, subleaf: 0, host: host, vCPU: thirdCore)
      #expect(leaf1.ecx & (1 << 21 | 1 << 24 | 1 << 31) == 1 << 21 | 1 << 24 | 1 << 31)
      #expect(policy.registers(leaf: 7, subleaf: 0, host: host, vCPU: thirdCore).ebx & 2 == 2)
      #expect(
        policy.registers(leaf: 6, subleaf: 0, host: host, vCPU: thirdCore) == CPUIDRegisters(eax: 4))
      #expect(
        policy.registers(leaf: 0x8000_0007, subleaf: 0, host: host, vCPU: thirdCore)
          == CPUIDRegisters(edx: 0x100))
    }
  }

  @Test func whatAGuestMustNotSeeIsHiddenEvenIfTheHostHasEverything() {
    let policy = makePolicy(everything)
    func registers(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> CPUIDRegisters {
      policy.registers(leaf: leaf, subleaf: subleaf, host: everything, vCPU: thirdCore)
    }
    // DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, CNXT-ID, SDBG, xTPR, PDCM, DCA, OSXSAVE (CR4 is 0)
    for bit in [2, 3, 4, 5, 6, 7, 8, 10, 11, 14, 15, 18, 27] as [UInt32] {
      #expect(registers(1).ecx >> bit & 1 == 0, "1:ECX \(bit)")
    }
    // PSN, DS, ACPI, TM, PBE
    for bit in [18, 21, 22, 29, 31] as [UInt32] { #expect(registers(1).edx >> bit & 1 == 0, "1:EDX \(bit)") }
    // SGX, HLE, RTM, PQM, MPX, PQE, PT
    for bit in [2, 4, 11, 12, 14, 15, 25] as [UInt32] {
      #expect(registers(7).ebx >> bit & 1 == 0, "7:EBX \(bit)")
    }
    // OSPKE, WAITPKG, CET_SS, TME, LA57, key locker, bus lock, ENQCMD, SGX_LC, PKS
    for bit in [4, 5, 7, 13, 16, 23, 24, 29, 30, 31] as [UInt32] {
      #expect(registers(7).ecx >> bit & 1 == 0, "7:ECX \(bit)")
    }
    // UINTR, SRBDS_CTRL, RTM aborts, TSX force abort, hybrid, PCONFIG, LBR, CET_IBT, AMX, IBRS, STIBP, flush,
    // core capabilities, SSBD
    for bit in [5, 9, 11, 13, 15, 18, 19, 20, 22, 24, 25, 26, 27, 28, 30, 31] as [UInt32] {
      #expect(registers(7).edx >> bit & 1 == 0, "7:EDX \(bit)")
    }
    #expect(registers(7).eax == 1)
    #expect(registers(7, 2) == CPUIDRegisters())
    #expect(registers(0xD, 1).eax == 7)
    for leaf: UInt32 in [
      3, 5, 8, 9, 0xA, 0xC, 0xE, 0xF, 0x10, 0x12, 0x14, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C,
    ] {
      #expect(registers(leaf) == CPUIDRegisters(), "leaf \(leaf)")
    }
    for leaf: UInt32 in [0x20, 0x3FFF_FFFF, 0x4000_0001, 0x4000_0010, 0x8000_0009, 0xC000_0000, .max] {
      #expect(registers(leaf) == CPUIDRegisters(), "leaf \(leaf)")
    }
    var amdEverything = everything
    amdEverything[0] = TableHostCPUID.epyc[0]
    let amd = makePolicy(amdEverything)
    let extended = amd.registers(leaf: 0x8000_0001, subleaf: 0, host: amdEverything, vCPU: thirdCore)
    // SVM, extended APIC, OSVW, IBS, SKINIT, WDT, LWP, TCE, node id, counters, breakpoints, PTSC, MONITORX
    for bit in [2, 3, 9, 10, 12, 13, 15, 17, 19, 23, 24, 26, 27, 28, 29] as [UInt32] {
      #expect(extended.ecx >> bit & 1 == 0, "8000_0001:ECX \(bit)")
    }
    for leaf: UInt32 in [0x8000_000A, 0x8000_001B, 0x8000_001C] {
      #expect(
        amd.registers(leaf: leaf, subleaf: 0, host: amdEverything, vCPU: thirdCore) == CPUIDRegisters())
    }
  }

  @Test func theHostsOwnFeaturesPass() {
    let policy = makePolicy(.haswell)
    let leaf1 = policy.registers(leaf: 1, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(leaf1.eax == 0x306C3)
    #expect(leaf1.ecx == 0x77FA_3203 | 1 << 31)
    #expect(leaf1.edx == 0x1F8B_FBFF)
    let leaf7 = policy.registers(leaf: 7, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(leaf7 == CPUIDRegisters(ebx: 0x27AB, edx: 0x400))
    let extended = policy.registers(
      leaf: 0x8000_0001, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(extended == CPUIDRegisters(ecx: 0x21, edx: 0x2C10_0800))
    let amd = makePolicy(.epyc).registers(
      leaf: 0x8000_0001, subleaf: 0, host: TableHostCPUID.epyc, vCPU: thirdCore)
    #expect(amd.ecx == 0x0040_01F3)
    #expect(amd.edx == 0x2FD3_FBFF)
  }

  @Test func aDisabledLocalAPICIsNotThere() {
    var vCPU = thirdCore
    vCPU.isLocalAPICEnabled = false
    for host in [TableHostCPUID.haswell, .epyc] {
      let policy = makePolicy(host)
      #expect(policy.registers(leaf: 1, subleaf: 0, host: host, vCPU: vCPU).edx & 1 << 9 == 0)
      #expect(policy.registers(leaf: 0x8000_0001, subleaf: 0, host: host, vCPU: vCPU).edx & 1 << 9 == 0)
    }
  }

  @Test func osBitsFollowCR4() {
    var vCPU = thirdCore
    vCPU.cr4 = 1 << 18 | 1 << 22
    let policy = makePolicy(everything)
    #expect(policy.registers(leaf: 1, subleaf: 0, host: everything, vCPU: vCPU).ecx & 1 << 27 != 0)
    #expect(policy.registers(leaf: 7, subleaf: 0, host: everything, vCPU: vCPU).ecx & 1 << 4 != 0)
    let without = makePolicy(everything, allowedXCR0: 7)
    #expect(without.registers(leaf: 7, subleaf: 0, host: everything, vCPU: vCPU).ecx & (3 << 3) == 0)
  }

  @Test func speculationControlIsOfferedOnRequestOnly() {
    let policy = makePolicy(.haswell, offersSpeculationControl: true)
    let leaf7 = policy.registers(leaf: 7, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(leaf7.edx == 0x9C00_0400)
    let amd = makePolicy(.epyc, offersSpeculationControl: true)
    #expect(
      amd.registers(leaf: 0x8000_0008, subleaf: 0, host: TableHostCPUID.epyc, vCPU: thirdCore).ebx == 0x1005)
    #expect(
      makePolicy(.epyc).registers(leaf: 0x8000_0008, subleaf: 0, host: TableHostCPUID.epyc, vCPU: thirdCore)
        .ebx == 5)
  }

  @Test func theHypervisorSignatureIsKVMsWithoutFeatures() {
    let policy = makePolicy(.haswell)
    let leaf = policy.registers(leaf: 0x4000_0000, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    var signature: [UInt8] = []
    for register in [leaf.ebx, leaf.ecx, leaf.edx] {
      for byte in 0..<4 as Range<UInt32> {
        signature.append(UInt8(truncatingIfNeeded: register >> (8 * byte)))
      }
    }
    #expect(signature == Array("KVMKVMKVM\0\0\0".utf8))
    #expect(leaf.eax == 0x4000_0001)
  }

  @Test func theClockIsExactInWholeKilohertz() {
    // native_calibrate_tsc(): crystal kHz · EBX / EAX
    for hertz: UInt64 in [10_000_000, 2_394_454_321, 4_294_967_295] {
      let leaf = makePolicy(.haswell, hertz: hertz)
        .registers(leaf: 0x15, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
      #expect(UInt64(leaf.ecx) / 1000 * UInt64(leaf.ebx) / UInt64(leaf.eax) == hertz / 1000)
    }
    let scaled = makePolicy(.haswell, hertz: 5_000_000_000, timerRatio: 200)
      .registers(leaf: 0x15, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(scaled == CPUIDRegisters(eax: 1, ebx: 200, ecx: 25_000_000))
    let tooFast = makePolicy(.haswell, hertz: 5_000_000_000)
      .registers(leaf: 0x15, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(tooFast == CPUIDRegisters())
    let slow = makePolicy(.haswell, hertz: 10_000)
      .registers(leaf: 0x16, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(slow.eax == 1)
    let usual = makePolicy(.haswell)
      .registers(leaf: 0x16, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(usual == CPUIDRegisters(eax: 3400, ebx: 3400, ecx: 100))
  }

  @Test func physicalAddressesHaveAtMost48Bits() {
    #expect(makePolicy(.haswell).physicalAddressBits == 39)
    var host = TableHostCPUID.haswell
    host[0x8000_0008] = CPUIDRegisters(eax: 0x3934)
    #expect(makePolicy(host).physicalAddressBits == 48)
    let leaf = makePolicy(host).registers(leaf: 0x8000_0008, subleaf: 0, host: host, vCPU: thirdCore)
    #expect(leaf.eax == 0x3030)
    host[0x8000_0000] = CPUIDRegisters(eax: 0x8000_0004)
    #expect(makePolicy(host).physicalAddressBits == 36)
  }
}

struct CPUIDTopologyTests {
  @Test(
    arguments: [(0, 0), (1, 0), (2, 1), (3, 2), (6, 3), (64, 6), (65, 7), (.max, 15)] as [(UInt32, UInt32)])
  func coreNumbersAreAsWideAsTheyNeedToBe(cores: UInt32, bits: UInt32) {
    #expect(ProcessorTopology(coresPerPackage: cores).coreIDBits == bits)
  }

  @Test func apicIDsPutThePackageAboveTheCore() {
    let topology = ProcessorTopology(coresPerPackage: 6)
    #expect(topology.apicID(package: 1, core: 2) == 10)
    #expect(topology.package(of: 10) == 1)
    #expect(topology.core(of: 10) == 2)
  }

  @Test func topologyLeavesTellOneThreadACoreAndOnePackageADomain() {
    let policy = makePolicy(.haswell)
    for leaf: UInt32 in [0xB, 0x1F] {
      func level(_ subleaf: UInt32) -> CPUIDRegisters {
        policy.registers(leaf: leaf, subleaf: subleaf, host: TableHostCPUID.haswell, vCPU: thirdCore)
      }
      #expect(level(0) == CPUIDRegisters(eax: 0, ebx: 1, ecx: 0x100, edx: 10))
      #expect(level(1) == CPUIDRegisters(eax: 3, ebx: 6, ecx: 0x201, edx: 10))
      #expect(level(2) == CPUIDRegisters(eax: 0, ebx: 0, ecx: 2, edx: 10))
    }
    let leaf1 = policy.registers(leaf: 1, subleaf: 0, host: TableHostCPUID.haswell, vCPU: thirdCore)
    #expect(leaf1.ebx == 0x0A08_0800)
    #expect(leaf1.edx & 1 << 28 != 0)
    var alone = thirdCore
    alone.coresInPackage = 1
    #expect(
      policy.registers(leaf: 1, subleaf: 0, host: TableHostCPUID.haswell, vCPU: alone).edx & 1 << 28 == 0)
  }

  @Test func onlyTheThirdLevelCacheIsShared() {
    let policy = makePolicy(.haswell)
    func cache(_ subleaf: UInt32) -> CPUIDRegisters {
      policy.registers(leaf: 4, subleaf: subleaf, host: TableHostCPUID.haswell, vCPU: thirdCore)
    }
    #expect(cache(0) == CPUIDRegisters(eax: 0x1C00_0121, ebx: 0x01C0_003F, ecx: 0x3F))
    #expect(cache(3) == CPUIDRegisters(eax: 0x1C01_C163, ebx: 0x03C0_003F, ecx: 0x1FFF, edx: 6))
    #expect(cache(4) == CPUIDRegisters())
    let amd = makePolicy(.epyc)
      .registers(leaf: 0x8000_001D, subleaf: 3, host: TableHostCPUID.epyc, vCPU: thirdCore)
    #expect(amd == CPUIDRegisters(eax: 0x1C163, ebx: 0x03C0_003F, ecx: 0x1FFF, edx: 1))
  }

  @Test func amdLeavesAgree() {
    let policy = makePolicy(.epyc)
    func leaf(_ number: UInt32) -> CPUIDRegisters {
      policy.registers(leaf: number, subleaf: 0, host: TableHostCPUID.epyc, vCPU: thirdCore)
    }
    #expect(leaf(0x8000_0008).ecx == 0x3005)
    #expect(leaf(0x8000_001E) == CPUIDRegisters(eax: 10, ebx: 2, ecx: 1))
    #expect(leaf(1).ebx >> 16 & 0xFF == 6)
    #expect(leaf(0x8000_0001).ecx & 2 != 0)
  }

  @Test func aThousandCoresFitTheFields() {
    let policy = makePolicy(.haswell, coresPerPackage: 1024)
    let vCPU = CPUIDContext(apicID: 1023, coresInPackage: 1024, isLocalAPICEnabled: true, cr4: 0, xcr0: 1)
    #expect(
      policy.registers(leaf: 1, subleaf: 0, host: TableHostCPUID.haswell, vCPU: vCPU).ebx == 0xFFFF_0800)
    #expect(
      policy.registers(leaf: 4, subleaf: 3, host: TableHostCPUID.haswell, vCPU: vCPU).eax
        == 0xFC00_0163 | 1023 << 14)
    #expect(
      makePolicy(.epyc, coresPerPackage: 1024)
        .registers(leaf: 0x8000_0008, subleaf: 0, host: TableHostCPUID.epyc, vCPU: vCPU).ecx == 0xA0FF)
  }
}

struct CPUIDExtendedStateTests {
  /// In the manner of Skylake-SP: MPX, AVX-512 and protection keys.
  private var skylake: TableHostCPUID {
    var host = TableHostCPUID.haswell
    host[7] = CPUIDRegisters(ebx: 0xD39F_FFFB, ecx: 0x8)
    host[0xD, 0] = CPUIDRegisters(eax: 0x2FF, ebx: 2696, ecx: 2696)
    host[0xD, 1] = CPUIDRegisters(eax: 0xF, ebx: 2696, ecx: 0x100)
    host[0xD, 3] = CPUIDRegisters(eax: 64, ebx: 960)
    host[0xD, 4] = CPUIDRegisters(eax: 64, ebx: 1024)
    host[0xD, 5] = CPUIDRegisters(eax: 64, ebx: 1088)
    host[0xD, 6] = CPUIDRegisters(eax: 512, ebx: 1152)
    host[0xD, 7] = CPUIDRegisters(eax: 1024, ebx: 1664)
    host[0xD, 8] = CPUIDRegisters(eax: 128, ecx: 1)
    host[0xD, 9] = CPUIDRegisters(eax: 8, ebx: 2688)
    return host
  }

  @Test func sizesFollowXCR0() {
    let policy = makePolicy(skylake)
    #expect(policy.offeredXCR0 == 0x2E7)
    func leaf(_ subleaf: UInt32, xcr0: UInt64) -> CPUIDRegisters {
      var vCPU = thirdCore
      vCPU.xcr0 = xcr0
      return policy.registers(leaf: 0xD, subleaf: subleaf, host: skylake, vCPU: vCPU)
    }
    #expect(leaf(0, xcr0: 1) == CPUIDRegisters(eax: 0x2E7, ebx: 576, ecx: 2696))
    #expect(leaf(0, xcr0: 7).ebx == 832)
    #expect(leaf(0, xcr0: 0x2E7).ebx == 2696)
    #expect(leaf(1, xcr0: 7) == CPUIDRegisters(eax: 7, ebx: 832))
    #expect(leaf(1, xcr0: 0x2E7).ebx == 576 + 256 + 64 + 512 + 1024 + 8)
    #expect(leaf(9, xcr0: 1) == CPUIDRegisters(eax: 8, ebx: 2688))
    for hidden: UInt32 in [3, 4, 8, 17, 63, 64, .max] { #expect(leaf(hidden, xcr0: 1) == CPUIDRegisters()) }
  }

  @Test func alignedComponentsOfACompactedAreaStartAt64Bytes() {
    var host = skylake
    host[0xD, 2] = CPUIDRegisters(eax: 200, ebx: 576)
    host[0xD, 9] = CPUIDRegisters(eax: 8, ebx: 2688, ecx: 2)
    var vCPU = thirdCore
    vCPU.xcr0 = 0x207
    let leaf = makePolicy(host).registers(leaf: 0xD, subleaf: 1, host: host, vCPU: vCPU)
    #expect(leaf.ebx == 832 + 8)
  }

  @Test func vectorFeaturesNeedTheirState() {
    func leaves(_ allowed: UInt64) -> (CPUIDRegisters, CPUIDRegisters) {
      let policy = makePolicy(skylake, allowedXCR0: allowed)
      return (
        policy.registers(leaf: 1, subleaf: 0, host: skylake, vCPU: thirdCore),
        policy.registers(leaf: 7, subleaf: 0, host: skylake, vCPU: thirdCore)
      )
    }
    let avx512: UInt32 = 0xD003_0000
    let (all1, all7) = leaves(.max)
    #expect(all1.ecx & 1 << 28 != 0)
    #expect(all7.ebx & avx512 == avx512)
    #expect(all7.ebx & 1 << 5 != 0)
    #expect(all7.ecx == 8)
    let (avx1, avx7) = leaves(7)
    #expect(avx1.ecx & 1 << 28 != 0)
    #expect(avx7.ebx & (avx512 | 1 << 5) == 1 << 5)
    #expect(avx7.ecx == 0)
    let (sse1, sse7) = leaves(3)
    #expect(sse1.ecx & (1 << 12 | 1 << 28 | 1 << 29) == 0)
    #expect(sse1.ecx & 1 << 26 != 0)
    #expect(sse7.ebx & (avx512 | 1 << 5) == 0)
    let (none1, _) = leaves(0)
    #expect(none1.ecx & (1 << 26 | 1 << 28) == 0)
    #expect(makePolicy(skylake, allowedXCR0: 0x63).offeredXCR0 == 3)
    #expect(makePolicy(skylake, allowedXCR0: 0x67).offeredXCR0 == 7)
  }

  @Test func withoutXSAVETheLeafIsEmpty() {
    var host = skylake
    host[1].ecx &= ~(1 << 26)
    let policy = makePolicy(host)
    #expect(policy.offeredXCR0 == 0)
    for subleaf: UInt32 in 0...9 {
      #expect(policy.registers(leaf: 0xD, subleaf: subleaf, host: host, vCPU: thirdCore) == CPUIDRegisters())
    }
  }

  @Test func xsetbvAcceptsWhatTheManualAllows() {
    let policy = makePolicy(skylake)
    for value: UInt64 in [1, 3, 7, 0xE7, 0x2E7, 0x201] { #expect(policy.isValid(xcr0: value)) }
    for value: UInt64 in [0, 2, 5, 6, 0x1F, 0x27, 0x67, 0xE3, 0xE1, 1 << 17 | 1, 1 << 63 | 1, .max] {
      #expect(!policy.isValid(xcr0: value), "\(value)")
    }
  }

  @Test func anyLeafOfAnyHostIsAnsweredWithoutATrap() {
    var random = SeededGenerator(seed: 6)
    var wild = everything
    for _ in 0..<100_000 {
      if random.next() % 64 == 0 {
        wild.filler = CPUIDRegisters(
          eax: UInt32(truncatingIfNeeded: random.anyMagnitude()),
          ebx: UInt32(truncatingIfNeeded: random.anyMagnitude()),
          ecx: UInt32(truncatingIfNeeded: random.anyMagnitude()),
          edx: UInt32(truncatingIfNeeded: random.anyMagnitude()))
      }
      let policy = makePolicy(
        wild, coresPerPackage: UInt32(truncatingIfNeeded: random.anyMagnitude()),
        timerRatio: UInt16(truncatingIfNeeded: random.anyMagnitude()), allowedXCR0: random.anyMagnitude())
      let vCPU = CPUIDContext(
        apicID: UInt32(truncatingIfNeeded: random.anyMagnitude()),
        coresInPackage: UInt32(truncatingIfNeeded: random.anyMagnitude()),
        isLocalAPICEnabled: random.next() % 2 == 0, cr4: random.anyMagnitude(), xcr0: random.anyMagnitude())
      let bases: [UInt32] = [0, 0x4000_0000, 0x8000_0000, UInt32(truncatingIfNeeded: random.next())]
      let leaf = bases[Int(random.next() % 4)] &+ UInt32(random.next() % 0x24)
      let subleaf = UInt32(truncatingIfNeeded: random.anyMagnitude() % 70)
      let registers = policy.registers(leaf: leaf, subleaf: subleaf, host: wild, vCPU: vCPU)
      if leaf == 1 { #expect(registers.ecx & 1 << 5 == 0) }
    }
  }
}
