/// What the guest sees of its processors: the host's CPUID, masked, plus what the hyperkernel emulates. In a cluster the
/// host is the least of all nodes' (`ProcessorDescription`).
///
/// The vendor, the family and the caches' sizes are the host's. Features come through the lists in
/// `CPUIDFeatures`. Emulated, hence always there: x2APIC, the TSC-deadline timer, IA32_TSC_ADJUST (both kept by
/// `LocalAPIC`), the invariant TSC, and a timer that runs in every idle state (ARAT). Topology leaves describe
/// one thread a core and one package a proximity domain. Every leaf that is not named below is all zeros, also
/// above the highest.
///
/// Leaf 0x4000_0000 carries KVM's signature, with no feature behind it: Linux takes an x2APIC without interrupt
/// remapping only from a hypervisor that it knows, and a paravirtual clock or steal time would write into guest
/// memory behind the guest's back.
///
/// The clock's rate is in leaves 0x15 (TSC to crystal, and the crystal, which is the local APIC timer's input)
/// and 0x16 on Intel, which spares Linux the search for a timer that is not there.
public struct CPUIDPolicy: Sendable {
  private enum StateComponents {
    static let legacy: UInt64 = 0b11  // x87, SSE
    static let avx: UInt64 = 1 << 2
    static let avx512: UInt64 = 0b111 << 5
    static let protectionKeys: UInt64 = 1 << 9
  }

  private static let cr4OSXSAVE: UInt64 = 1 << 18
  private static let cr4ProtectionKeys: UInt64 = 1 << 22

  private static let extended: UInt32 = 0x8000_0000
  private static let hypervisor: UInt32 = 0x4000_0000

  public let vendor: ProcessorVendor
  /// MAXPHYADDR of the guest.
  public let physicalAddressBits: UInt32
  /// What the guest may turn on in XCR0; 0 where it has no XSAVE.
  public let offeredXCR0: UInt64
  public let offersSpeculationControl: Bool
  let offersArchitecturalCapabilities: Bool
  let offersTSCAuxiliary: Bool
  let offersNoExecute: Bool
  let offersFastFXSAVE: Bool

  private let topology: ProcessorTopology
  private let frequency: TSCFrequency
  private let timerRatio: UInt16
  private let highestExtendedLeaf: UInt32

  /// - Parameters:
  ///   - allowedXCR0: the state components that the back end switches; AVX-512's count together, and what
  ///     this model does not know (MPX, AMX, supervisor state) is never offered.
  ///   - timerRatio: as for `LocalAPIC`. With 1 the crystal runs at the TSC's rate, and Linux, which counts
  ///     it in whole kHz, gets the TSC's frequency with the least error.
  ///   - offersSpeculationControl: whether the back end switches IA32_SPEC_CTRL for the guest.
  public init(
    host: some HostCPUID, topology: ProcessorTopology, frequency: TSCFrequency, timerRatio: UInt16,
    allowedXCR0: UInt64, offersSpeculationControl: Bool
  ) {
    self.topology = topology
    self.frequency = frequency
    self.timerRatio = max(timerRatio, 1)
    self.offersSpeculationControl = offersSpeculationControl

    vendor = ProcessorVendor(host.registers(leaf: 0, subleaf: 0))
    let hostHighest = host.registers(leaf: Self.extended, subleaf: 0).eax
    highestExtendedLeaf = min(hostHighest, Self.extended | (vendor == .amd ? 0x1E : 0x08))
    physicalAddressBits = host.physicalAddressBits
    offersArchitecturalCapabilities =
      host.registers(leaf: 7, subleaf: 0).edx & CPUIDFeatures.architecturalCapabilities != 0
    offersTSCAuxiliary = host.hasTSCAuxiliary
    let extendedFeatures = host.registers(leaf: Self.extended | 1, subleaf: 0).edx
    offersNoExecute = extendedFeatures & CPUIDFeatures.noExecute != 0
    offersFastFXSAVE = vendor == .amd && extendedFeatures & CPUIDFeatures.fastFXSAVE != 0

    let states = host.registers(leaf: 0xD, subleaf: 0)
    var offered = UInt64(states.edx) << 32 | UInt64(states.eax)
    offered &=
      allowedXCR0
      & (StateComponents.legacy | StateComponents.avx | StateComponents.avx512
        | StateComponents.protectionKeys)
    let needed = StateComponents.avx512 | StateComponents.avx
    if offered & needed != needed { offered &= ~StateComponents.avx512 }
    let hasXSAVE = host.registers(leaf: 1, subleaf: 0).ecx & CPUIDFeatures.xsave != 0
    offeredXCR0 = hasXSAVE && offered & StateComponents.legacy == StateComponents.legacy ? offered : 0
  }

  /// Whether XSETBV accepts `value` for XCR0 (SDM Vol. 1, 13.3, "Enabling the XSAVE Feature Set and
  /// XSAVE-Enabled Features").
  public func isValid(xcr0 value: UInt64) -> Bool {
    guard value & 1 != 0, value & ~offeredXCR0 == 0 else { return false }
    let needsSSE = value & StateComponents.avx != 0
    let avx512 = value & StateComponents.avx512
    return (!needsSSE || value & StateComponents.legacy == StateComponents.legacy)
      && (avx512 == 0 || avx512 == StateComponents.avx512 && needsSSE)
  }

  public func registers(
    leaf: UInt32, subleaf: UInt32, host: some HostCPUID, vCPU: CPUIDContext
  ) -> CPUIDRegisters {
    if leaf >= Self.extended {
      guard leaf <= highestExtendedLeaf else { return CPUIDRegisters() }
      return extendedRegisters(leaf, subleaf, host, vCPU)
    }
    guard leaf <= highestBasicLeaf || leaf == Self.hypervisor else { return CPUIDRegisters() }
    switch leaf {
    case 0x0:  // highest leaf, vendor
      var registers = host.registers(leaf: 0, subleaf: 0)
      registers.eax = highestBasicLeaf
      return registers
    case 0x1: return versionAndFeatures(host, vCPU)
    case 0x2: return host.registers(leaf: 2, subleaf: 0)  // caches and TLBs as descriptors
    case 0x4: return cache(host.registers(leaf: 4, subleaf: subleaf), hasCoreCount: true)
    case 0x6: return CPUIDRegisters(eax: 1 << 2)  // ARAT
    case 0x7: return structuredFeatures(subleaf, host, vCPU)
    case 0xB, 0x1F: return topologyLevel(subleaf, vCPU)
    case 0xD: return extendedState(subleaf, host, vCPU)
    case 0x15: return clockRatio
    case 0x16: return clockInMegahertz
    case Self.hypervisor:
      return CPUIDRegisters(
        eax: Self.hypervisor | 1, ebx: 0x4B4D_564B, ecx: 0x564B_4D56, edx: 0x4D)  // "KVMKVMKVM"
    default: return CPUIDRegisters()
    }
  }

  private func extendedRegisters(
    _ leaf: UInt32, _ subleaf: UInt32, _ host: some HostCPUID, _ vCPU: CPUIDContext
  ) -> CPUIDRegisters {
    var registers = host.registers(leaf: leaf, subleaf: subleaf)
    switch leaf & 0xFFFF {
    case 0x00:
      registers.eax = highestExtendedLeaf
      return registers
    case 0x01:
      var ecx = CPUIDFeatures.extendedLeaf1ECX
      if offers(StateComponents.avx) { ecx |= CPUIDFeatures.extendedLeaf1ECXVector }
      registers.ecx &= ecx
      if vendor == .amd && vCPU.coresInPackage > 1 { registers.ecx |= CPUIDFeatures.multipleCores }
      var edx = CPUIDFeatures.extendedLeaf1EDX
      if vendor == .amd {
        edx |= CPUIDFeatures.extendedLeaf1EDXRepeated
        if vCPU.isLocalAPICEnabled { edx |= CPUIDFeatures.apic }
      }
      registers.edx &= edx
      return registers
    case 0x02...0x04,  // brand string
      0x05, 0x06,  // caches and TLBs
      0x19, 0x1A:  // TLBs of 1 GiB pages, performance hints
      return registers
    case 0x07: return CPUIDRegisters(edx: 1 << 8)  // invariant TSC
    case 0x08:
      registers.eax = 48 << 8 | physicalAddressBits
      var ebx = CPUIDFeatures.extendedLeaf8EBX
      if offersSpeculationControl { ebx |= CPUIDFeatures.extendedLeaf8EBXSpeculation }
      registers.ebx &= ebx
      registers.ecx =
        vendor == .amd ? topology.coreIDBits << 12 | (min(max(vCPU.coresInPackage, 1), 256) - 1) : 0
      registers.edx = 0
      return registers
    case 0x1D: return cache(registers, hasCoreCount: false)
    case 0x1E:  // extended APIC id, core, node
      return CPUIDRegisters(
        eax: vCPU.apicID, ebx: topology.core(of: vCPU.apicID) & 0xFF,
        ecx: topology.package(of: vCPU.apicID) & 0xFF)
    default: return CPUIDRegisters()
    }
  }

  /// AMD's processors have no leaves for the clock's rate, and take the topology from leaf 0xB.
  private var highestBasicLeaf: UInt32 { vendor == .amd ? 0xD : 0x1F }

  private func offers(_ components: UInt64) -> Bool { offeredXCR0 & components == components }

  private func versionAndFeatures(_ host: some HostCPUID, _ vCPU: CPUIDContext) -> CPUIDRegisters {
    var registers = host.registers(leaf: 1, subleaf: 0)
    let ids = vendor == .amd ? vCPU.coresInPackage : topology.idsPerPackage
    registers.ebx = registers.ebx & 0xFFFF | min(max(ids, 1), 255) << 16 | vCPU.apicID << 24

    var ecx = CPUIDFeatures.leaf1ECX
    if offeredXCR0 != 0 { ecx |= CPUIDFeatures.xsave }
    if offers(StateComponents.avx) { ecx |= CPUIDFeatures.leaf1ECXVector }
    registers.ecx &= ecx
    registers.ecx |= CPUIDFeatures.x2APIC | CPUIDFeatures.tscDeadline | CPUIDFeatures.hypervisor
    if offeredXCR0 != 0 && vCPU.cr4 & Self.cr4OSXSAVE != 0 { registers.ecx |= CPUIDFeatures.osxsave }

    registers.edx &= CPUIDFeatures.leaf1EDX
    if vCPU.isLocalAPICEnabled { registers.edx |= CPUIDFeatures.apic }
    if vCPU.coresInPackage > 1 { registers.edx |= CPUIDFeatures.hyperThreading }
    return registers
  }

  private func structuredFeatures(
    _ subleaf: UInt32, _ host: some HostCPUID, _ vCPU: CPUIDContext
  ) -> CPUIDRegisters {
    guard subleaf <= 1 else { return CPUIDRegisters() }
    let hasAVX = offers(StateComponents.avx)
    let hasAVX512 = offers(StateComponents.avx512)
    let highestSubleaf = min(host.registers(leaf: 7, subleaf: 0).eax, 1)
    if subleaf == 1 {
      guard highestSubleaf == 1 else { return CPUIDRegisters() }
      var eax = CPUIDFeatures.leaf7Subleaf1EAX
      if hasAVX { eax |= CPUIDFeatures.leaf7Subleaf1EAXVector }
      if hasAVX512 { eax |= CPUIDFeatures.leaf7Subleaf1EAXAVX512 }
      return CPUIDRegisters(eax: host.registers(leaf: 7, subleaf: 1).eax & eax)
    }
    var ebx = CPUIDFeatures.leaf7EBX
    var ecx = CPUIDFeatures.leaf7ECX
    var edx = CPUIDFeatures.leaf7EDX
    if hasAVX {
      ebx |= CPUIDFeatures.leaf7EBXVector
      ecx |= CPUIDFeatures.leaf7ECXVector
    }
    if hasAVX512 {
      ebx |= CPUIDFeatures.leaf7EBXAVX512
      ecx |= CPUIDFeatures.leaf7ECXAVX512
      edx |= CPUIDFeatures.leaf7EDXAVX512
    }
    if offers(StateComponents.protectionKeys) { ecx |= CPUIDFeatures.protectionKeys }
    if offersSpeculationControl { edx |= CPUIDFeatures.leaf7EDXSpeculation }

    var registers = host.registers(leaf: 7, subleaf: 0)
    registers.eax = highestSubleaf
    registers.ebx = registers.ebx & ebx | CPUIDFeatures.tscAdjust
    registers.ecx &= ecx
    if registers.ecx & CPUIDFeatures.protectionKeys != 0 && vCPU.cr4 & Self.cr4ProtectionKeys != 0 {
      registers.ecx |= CPUIDFeatures.osProtectionKeys
    }
    registers.edx &= edx
    return registers
  }

  /// A cache of leaf 4 or 0x8000_001D: the first two levels are a core's own, the third the package's. Only
  /// Intel's leaf counts the package's cores too.
  private func cache(_ host: CPUIDRegisters, hasCoreCount: Bool) -> CPUIDRegisters {
    guard host.eax & 0x1F != 0 else { return CPUIDRegisters() }
    var registers = host
    let highestID = topology.idsPerPackage - 1
    let sharing = host.eax >> 5 & 7 >= 3 ? min(highestID, 0xFFF) : 0
    registers.eax = host.eax & 0x3FFF | sharing << 14
    if hasCoreCount { registers.eax |= min(highestID, 0x3F) << 26 }
    return registers
  }

  private func topologyLevel(_ subleaf: UInt32, _ vCPU: CPUIDContext) -> CPUIDRegisters {
    var registers = CPUIDRegisters(ecx: subleaf & 0xFF, edx: vCPU.apicID)
    switch subleaf {
    case 0:  // threads of a core
      registers.ebx = 1
      registers.ecx |= 1 << 8
    case 1:  // cores of a package
      registers.eax = topology.coreIDBits
      registers.ebx = min(max(vCPU.coresInPackage, 1), 0xFFFF)
      registers.ecx |= 2 << 8
    default: break
    }
    return registers
  }

  /// Leaf 0xD (SDM Vol. 1, 13.2, "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported
  /// Features"). IA32_XSS does not exist: there is no XSAVES.
  private func extendedState(
    _ subleaf: UInt32, _ host: some HostCPUID, _ vCPU: CPUIDContext
  ) -> CPUIDRegisters {
    guard offeredXCR0 != 0 else { return CPUIDRegisters() }
    switch subleaf {
    case 0:
      return CPUIDRegisters(
        eax: UInt32(truncatingIfNeeded: offeredXCR0), ebx: standardSize(vCPU.xcr0, host),
        ecx: standardSize(offeredXCR0, host), edx: UInt32(truncatingIfNeeded: offeredXCR0 >> 32))
    case 1:
      return CPUIDRegisters(
        eax: host.registers(leaf: 0xD, subleaf: 1).eax & CPUIDFeatures.xsaveEAX,
        ebx: compactedSize(vCPU.xcr0, host))
    case 2...63 where offeredXCR0 >> UInt64(subleaf) & 1 != 0:
      var registers = host.registers(leaf: 0xD, subleaf: subleaf)
      registers.ecx &= 0b10
      registers.edx = 0
      return registers
    default: return CPUIDRegisters()
    }
  }

  /// The legacy region and the header of an XSAVE area, in bytes.
  private static let xsaveBase: UInt32 = 512 + 64

  /// Bytes of an XSAVE area in standard format: the end of its last component.
  private func standardSize(_ xcr0: UInt64, _ host: some HostCPUID) -> UInt32 {
    var size = Self.xsaveBase
    var components = xcr0 & offeredXCR0 & ~StateComponents.legacy
    while components != 0 {
      let component = host.registers(leaf: 0xD, subleaf: UInt32(components.trailingZeroBitCount))
      size = max(size, component.ebx &+ component.eax)
      components &= components - 1
    }
    return size
  }

  /// Bytes of an XSAVE area in compacted format: its components one after the other.
  private func compactedSize(_ xcr0: UInt64, _ host: some HostCPUID) -> UInt32 {
    var size = Self.xsaveBase
    var components = xcr0 & offeredXCR0 & ~StateComponents.legacy
    while components != 0 {
      let component = host.registers(leaf: 0xD, subleaf: UInt32(components.trailingZeroBitCount))
      if component.ecx & 0b10 != 0 { size = (size &+ 63) & ~63 }
      size = size &+ component.eax
      components &= components - 1
    }
    return size
  }

  /// TSC = crystal · EBX / EAX; zeros ("not known") where the crystal's frequency does not fit.
  private var clockRatio: CPUIDRegisters {
    guard let crystal = UInt32(exactly: frequency.hertz / UInt64(timerRatio)) else { return CPUIDRegisters() }
    return CPUIDRegisters(eax: 1, ebx: UInt32(timerRatio), ecx: crystal)
  }

  /// Base and highest frequency, and the bus.
  private var clockInMegahertz: CPUIDRegisters {
    let megahertz = UInt32(min(max((frequency.hertz + 500_000) / 1_000_000, 1), 0xFFFF))
    return CPUIDRegisters(eax: megahertz, ebx: megahertz, ecx: 100)
  }
}
