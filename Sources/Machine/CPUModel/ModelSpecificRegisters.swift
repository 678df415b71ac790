/// The policy for a vCPU's model-specific registers, and those of them that are no more than state.
///
/// `kind(of:)` is the table of all that exist: what Linux touches on an Intel processor since Haswell or an
/// AMD one since Zen under a hypervisor, as `CPUIDPolicy` presents it. `read` and `write` answer for those
/// of kind `.stored`, and refuse and count those of kind `.unknown`. There are no machine-check banks.
public struct ModelSpecificRegisters: Sendable {
  private static let fastStrings: UInt64 = 1 << 0
  /// No branch trace store, no precise event-based sampling.
  private static let debugStoreUnavailable: UInt64 = 1 << 11 | 1 << 12
  private static let featureControlLocked: UInt64 = 1 << 0
  private static let tscCountsAtP0: UInt64 = 1 << 24
  private static let machineCheckStatusWritable: UInt64 = 1 << 18
  private static let lfenceSerializes: UInt64 = 1 << 1
  private static let svmDisabledAndLocked: UInt64 = 1 << 3 | 1 << 4

  /// What IA32_ARCH_CAPABILITIES may tell (SDM Vol. 4, table "IA-32 Architectural MSRs"): the attacks that the
  /// processor withstands. Bits that announce a control are hidden with it.
  private static func immunities(offersSpeculationControl: Bool) -> UInt64 {
    func bit(_ position: UInt64) -> UInt64 { 1 << position }
    let always =
      bit(0)  // RDCL_NO
      | bit(2)  // RSBA
      | bit(3)  // SKIP_L1DFL_VMENTRY
      | bit(4)  // SSB_NO
      | bit(5)  // MDS_NO
      | bit(6)  // IF_PSCHANGE_MC_NO
      | bit(8)  // TAA_NO
      | bit(13)  // SBDR_SSDP_NO
      | bit(14)  // FBSDP_NO
      | bit(15)  // PSDP_NO
      | bit(17)  // FB_CLEAR
      | bit(19)  // RRSBA
      | bit(20)  // BHI_NO
      | bit(24)  // PBRSB_NO
      | bit(26)  // GDS_NO
      | bit(27)  // RFDS_NO
    return offersSpeculationControl ? always | bit(1) : always  // IBRS_ALL
  }

  private let vendor: ProcessorVendor
  private let offersSpeculationControl: Bool
  private let offersArchitecturalCapabilities: Bool
  private let offersTSCAuxiliary: Bool
  private let offersNoExecute: Bool
  private let offersFastFXSAVE: Bool
  private let microcodeRevision: UInt32
  private let architecturalCapabilities: UInt64

  private var memoryTypeRanges: MemoryTypeRanges
  /// For a back end that does not switch the processor's own: it is state that nothing acts on.
  private var pageAttributeTable = PageAttributeTable.reset
  private var miscellaneousEnable = fastStrings | debugStoreUnavailable
  private var machineCheckStatus: UInt64 = 0
  private var hardwareConfiguration = tscCountsAtP0

  /// Accesses to registers that do not exist, and the last one's index.
  public private(set) var unknownReads: UInt64 = 0
  public private(set) var unknownWrites: UInt64 = 0
  public private(set) var lastUnknown: UInt32 = 0

  /// The registers at reset, the same on every vCPU.
  ///
  /// - Parameters:
  ///   - policy: CPUID and the registers must agree on what exists.
  ///   - microcodeRevision: the host's.
  ///   - architecturalCapabilities: the host's IA32_ARCH_CAPABILITIES, or 0 where it has none.
  public init(policy: CPUIDPolicy, microcodeRevision: UInt32, architecturalCapabilities: UInt64) {
    vendor = policy.vendor
    offersSpeculationControl = policy.offersSpeculationControl
    offersArchitecturalCapabilities = policy.offersArchitecturalCapabilities
    offersTSCAuxiliary = policy.offersTSCAuxiliary
    offersNoExecute = policy.offersNoExecute
    offersFastFXSAVE = policy.offersFastFXSAVE
    self.microcodeRevision = microcodeRevision
    self.architecturalCapabilities =
      architecturalCapabilities & Self.immunities(offersSpeculationControl: policy.offersSpeculationControl)
    memoryTypeRanges = MemoryTypeRanges(physicalAddressBits: policy.physicalAddressBits)
  }

  public func kind(of index: UInt32) -> MSRKind {
    switch index {
    case MSRIndex.sysenterCS, MSRIndex.sysenterESP, MSRIndex.sysenterEIP, MSRIndex.star, MSRIndex.lstar,
      MSRIndex.cstar, MSRIndex.flagMask, MSRIndex.fsBase, MSRIndex.gsBase, MSRIndex.kernelGSBase,
      MSRIndex.pageAttributeTable:
      return .passThrough
    case MSRIndex.tscAuxiliary: return offersTSCAuxiliary ? .passThrough : .unknown
    case MSRIndex.speculationControl, MSRIndex.predictionCommand, MSRIndex.flushCommand:
      return offersSpeculationControl ? .passThrough : .unknown
    case MSRIndex.extendedFeatures: return .extendedFeatures
    case MSRIndex.debugControl: return .debugControl
    case MSRIndex.timeStampCounter, MSRIndex.apicBase, MSRIndex.tscAdjust, MSRIndex.tscDeadline,
      MSRIndex.x2APIC:
      return .localAPIC
    default: return storedValue(index) != nil ? .stored : .unknown
    }
  }

  /// Reads a register of kind `.stored`.
  public mutating func read(_ index: UInt32) throws(GeneralProtection) -> UInt64 {
    if let value = storedValue(index) { return value }
    unknownReads &+= 1
    lastUnknown = index
    throw GeneralProtection()
  }

  /// Writes a register of kind `.stored`: #GP for one that is read-only, and for a bit that is reserved here.
  public mutating func write(_ index: UInt32, _ value: UInt64) throws(GeneralProtection) {
    guard let current = storedValue(index) else {
      unknownWrites &+= 1
      lastUnknown = index
      throw GeneralProtection()
    }
    switch index {
    case MSRIndex.miscellaneousEnable:
      guard (value ^ current) & ~(Self.fastStrings | Self.debugStoreUnavailable) == 0 else {
        throw GeneralProtection()
      }
      miscellaneousEnable = value & Self.fastStrings | Self.debugStoreUnavailable
    case MSRIndex.pageAttributeTable:
      guard PageAttributeTable.isValid(value) else { throw GeneralProtection() }
      pageAttributeTable = value
    case MSRIndex.machineCheckStatus:
      guard value & ~7 == 0 else { throw GeneralProtection() }
      machineCheckStatus = value
    case MSRIndex.amdHardwareConfiguration:
      guard (value ^ current) & ~(Self.machineCheckStatusWritable | Self.tscCountsAtP0) == 0 else {
        throw GeneralProtection()
      }
      hardwareConfiguration = value | Self.tscCountsAtP0
    case MSRIndex.microcodeRevision, MSRIndex.amdNorthBridgeConfiguration,
      MSRIndex.amdVirtualMachineControl, MSRIndex.amdSystemConfiguration:
      break  // hardware takes the write, and here nothing follows from it
    case MSRIndex.miscellaneousFeatures, MSRIndex.amdDecodeConfiguration:
      guard value == current else { throw GeneralProtection() }
    default:
      try memoryTypeRanges.write(index, value)
    }
  }

  /// Whether a register of kind `.passThrough` takes a value (SDM Vol. 4): addresses are canonical, masks and TSC_AUX
  /// have 32 bits.
  public static func canHold(_ value: UInt64, in index: UInt32) -> Bool {
    switch index {
    case MSRIndex.flagMask, MSRIndex.tscAuxiliary: value >> 32 == 0
    case MSRIndex.sysenterESP, MSRIndex.sysenterEIP, MSRIndex.lstar, MSRIndex.cstar, MSRIndex.fsBase,
      MSRIndex.gsBase, MSRIndex.kernelGSBase:
      ((Int64(bitPattern: value) >> 47) + 1) & ~1 == 0
    default: true
    }
  }

  /// The value that a write of `value` leaves in IA32_EFER: LMA is read-only, LME fixed while paging is on
  /// (SDM Vol. 3A, 2.2.1, "Extended Feature Enable Register").
  public func extendedFeatures(
    writing value: UInt64, current: UInt64, isPaging: Bool
  ) throws(GeneralProtection) -> UInt64 {
    let longModeEnable: UInt64 = 1 << 8
    let longModeActive: UInt64 = 1 << 10
    let noExecute: UInt64 = offersNoExecute ? 1 << 11 : 0
    let fastFXSAVE: UInt64 = offersFastFXSAVE ? 1 << 14 : 0
    let defined = 1 << 0 | longModeEnable | longModeActive | noExecute | fastFXSAVE  // bit 0: SCE
    guard value & ~defined == 0, !isPaging || (value ^ current) & longModeEnable == 0 else {
      throw GeneralProtection()
    }
    return value & ~longModeActive | current & longModeActive
  }

  /// The value that a write of `value` leaves in IA32_DEBUGCTL: single-stepping on branches (BTF) is all that
  /// a guest gets (SDM Vol. 3B, 18.4.1, "IA32_DEBUGCTL MSR").
  public func debugControl(writing value: UInt64) throws(GeneralProtection) -> UInt64 {
    guard value & ~(1 << 1) == 0 else { throw GeneralProtection() }
    return value
  }

  /// The value of a register of kind `.stored`, or nil where `index` is none.
  private func storedValue(_ index: UInt32) -> UInt64? {
    switch index {
    case MSRIndex.microcodeRevision:
      return vendor == .intel ? UInt64(microcodeRevision) << 32 : UInt64(microcodeRevision)
    case MSRIndex.machineCheckCapabilities: return 0
    case MSRIndex.machineCheckStatus: return machineCheckStatus
    case MSRIndex.pageAttributeTable: return pageAttributeTable
    case MSRIndex.architecturalCapabilities:
      return offersArchitecturalCapabilities ? architecturalCapabilities : nil
    default: break
    }
    if let value = memoryTypeRanges.read(index) { return value }
    return vendor == .intel ? storedIntelValue(index) : storedAMDValue(index)
  }

  private func storedIntelValue(_ index: UInt32) -> UInt64? {
    switch index {
    case MSRIndex.platformID, MSRIndex.platformInformation, MSRIndex.smiCount,
      MSRIndex.miscellaneousFeatures:
      0
    case MSRIndex.featureControl: Self.featureControlLocked
    case MSRIndex.miscellaneousEnable: miscellaneousEnable
    default: nil
    }
  }

  private func storedAMDValue(_ index: UInt32) -> UInt64? {
    switch index {
    case MSRIndex.amdSystemConfiguration, MSRIndex.amdNorthBridgeConfiguration: 0
    case MSRIndex.amdHardwareConfiguration: hardwareConfiguration
    case MSRIndex.amdVirtualMachineControl: Self.svmDisabledAndLocked
    case MSRIndex.amdDecodeConfiguration: Self.lfenceSerializes
    default: nil
    }
  }
}

/// IA32_PAT (SDM Vol. 3A, 12.12.2 and 12.12.4).
private enum PageAttributeTable {
  static let reset: UInt64 = 0x0007_0406_0007_0406

  /// Whether each of the eight bytes is a memory type.
  static func isValid(_ value: UInt64) -> Bool {
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      let type = value >> shift & 0xFF
      guard type < 8, type != 2, type != 3 else { return false }
    }
    return true
  }
}
