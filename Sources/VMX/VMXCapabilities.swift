import EPT
import VCPU

/// Reads model-specific registers; the tests' version is a table.
public protocol MSRReader {
  func read(_ index: UInt32) -> UInt64
}

/// What this CPU's VT-x can do, and the control words that we run guests with: what we need, plus what we
/// take where it is there, adjusted to what the capability MSRs demand (SDM Vol. 3D, appendix A).
///
/// On shadow tables less is needed: no EPT, no unrestricted guest, and none of the controls that came with them and
/// switch EFER and the PAT. All accesses to CR3 make exits, and so the older capability MSRs, which insist on that, do.
public struct VMXCapabilities: Sendable {
  public let revision: UInt32
  /// Whether guests run on shadow tables, with protection and paging always on.
  public let isShadowed: Bool
  public let pin: PinControls
  public let processor: ProcessorControls
  /// RDTSCP and INVPCID may be taken out, where the guest is not to have them.
  public var secondary: SecondaryControls
  public let exit: ExitControls
  public let entry: EntryControls
  public let translations: EPTCapabilities
  public let cr0FixedToOne: UInt64
  public let cr0FixedToZero: UInt64
  public let cr4FixedToOne: UInt64
  public let cr4FixedToZero: UInt64
  /// The preemption timer counts down by one when bit `timerShift` of the TSC changes (A.6).
  public let timerShift: UInt64
  /// Whether the monitor trap flag can be set: the way to run one instruction.
  public let hasMonitorTrapFlag: Bool

  public enum MSR {
    public static let featureControl: UInt32 = 0x3A
    public static let basic: UInt32 = 0x480
    public static let pin: UInt32 = 0x481
    public static let processor: UInt32 = 0x482
    public static let exit: UInt32 = 0x483
    public static let entry: UInt32 = 0x484
    public static let misc: UInt32 = 0x485
    public static let cr0Fixed0: UInt32 = 0x486
    public static let cr0Fixed1: UInt32 = 0x487
    public static let cr4Fixed0: UInt32 = 0x488
    public static let cr4Fixed1: UInt32 = 0x489
    public static let secondary: UInt32 = 0x48B
    public static let eptVPID: UInt32 = 0x48C
    /// From each of the four older MSRs for controls to the one that demands no more than the CPU needs.
    public static let offsetOfTrueControls: UInt32 = 0xC
  }

  /// Bits of IA32_FEATURE_CONTROL (SDM Vol. 3C, 24.7).
  public enum FeatureControl {
    public static let lock: UInt64 = 1 << 0
    public static let enableOutsideSMX: UInt64 = 1 << 2
  }

  /// Reads the capability MSRs of a CPU whose CPUID reports VMX.
  public init<Reader: MSRReader>(_ msrs: Reader, isShadowed: Bool) throws(VMXError) {
    self.isShadowed = isShadowed
    let basic = msrs.read(MSR.basic)
    revision = UInt32(truncatingIfNeeded: basic) & 0x7FFF_FFFF
    let hasTrueControls = basic & 1 << 55 != 0
    guard hasTrueControls || isShadowed else { throw .noTrueControls }
    let offset = hasTrueControls ? MSR.offsetOfTrueControls : 0

    let processorMSR = msrs.read(MSR.processor + offset)
    let allowedProcessor = ProcessorControls(rawValue: UInt32(processorMSR >> 32))
    // Neither of these two MSRs exists without the controls that it describes (A.3.3, A.10).
    let secondaryMSR = allowedProcessor.contains(.secondaryControls) ? msrs.read(MSR.secondary) : 0
    let allowedSecondary = SecondaryControls(rawValue: UInt32(secondaryMSR >> 32))
    let hasTranslations = !allowedSecondary.isDisjoint(with: [.ept, .vpid])
    translations = EPTCapabilities(rawValue: hasTranslations ? msrs.read(MSR.eptVPID) : 0)
    if !isShadowed {
      guard allowedSecondary.contains(.ept) else { throw .noEPT }
      guard allowedSecondary.contains(.unrestrictedGuest) else { throw .noUnrestrictedGuest }
      guard translations.isSuperset(of: EPTPointer.requirements) else { throw .noEPTWriteBack }
    }

    var optionalSecondary: SecondaryControls = [.rdtscp, .wbinvdExiting]
    if !isShadowed { optionalSecondary.insert(.invpcid) }
    // Tagged translations are of use only where they can be dropped.
    if translations.contains([.invvpid, .invvpidSingleContext]) { optionalSecondary.insert(.vpid) }

    // Virtual NMIs came before XSAVE, which the kernel requires.
    pin = PinControls(
      rawValue: try Self.adjust(
        PinControls([.externalInterruptExiting, .nmiExiting, .virtualNMIs]).rawValue,
        optional: PinControls.preemptionTimer.rawValue, msrs.read(MSR.pin + offset), "pin-based"))
    var optionalProcessor: ProcessorControls = .secondaryControls
    // Bochs 2.7 keeps an interrupt back while the guest has IF clear, where a CPU makes an exit (SDM Vol. 3C, 26.2). If
    // the preemption timer does not bound the run of a guest that waits in a loop, the loop's PAUSE does.
    if !pin.contains(.preemptionTimer) { optionalProcessor.insert(.pauseExiting) }
    let requiredProcessor: ProcessorControls = [
      .tscOffsetting, .hltExiting, .mwaitExiting, .rdpmcExiting, .cr8LoadExiting, .cr8StoreExiting,
      .unconditionalIOExiting, .msrBitmaps, .monitorExiting,
    ]
    processor = ProcessorControls(
      rawValue: try Self.adjust(
        requiredProcessor.union(
          isShadowed ? [.invlpgExiting, .cr3LoadExiting, .cr3StoreExiting] : .secondaryControls
        ).rawValue, optional: optionalProcessor.rawValue, processorMSR, "processor-based"))
    hasMonitorTrapFlag = allowedProcessor.contains(.monitorTrapFlag)
    secondary = SecondaryControls(
      rawValue: try Self.adjust(
        SecondaryControls(isShadowed ? [] : [.ept, .unrestrictedGuest]).rawValue,
        optional: optionalSecondary.rawValue, secondaryMSR, "secondary"))
    let switchesOnExit: ExitControls = isShadowed ? [] : [.savePAT, .loadPAT, .saveEFER, .loadEFER]
    exit = ExitControls(
      rawValue: try Self.adjust(
        switchesOnExit.union([.hostAddressSpaceSize, .saveDebugControls]).rawValue, optional: 0,
        msrs.read(MSR.exit + offset), "VM-exit"))
    let switchesOnEntry: EntryControls = isShadowed ? [] : [.loadPAT, .loadEFER]
    entry = EntryControls(
      rawValue: try Self.adjust(
        switchesOnEntry.union(.loadDebugControls).rawValue, optional: 0, msrs.read(MSR.entry + offset),
        "VM-entry"))

    // Unrestricted guest exempts PE and PG from the fixed bits (A.7).
    let exempt = isShadowed ? 0 : CR0.protectionEnable | CR0.paging
    cr0FixedToOne = msrs.read(MSR.cr0Fixed0) & ~exempt
    cr0FixedToZero = ~msrs.read(MSR.cr0Fixed1)
    cr4FixedToOne = msrs.read(MSR.cr4Fixed0)
    cr4FixedToZero = ~msrs.read(MSR.cr4Fixed1)
    timerShift = msrs.read(MSR.misc) & 0x1F
  }

  /// Bits that are 1 in the low half of a capability MSR must be 1; bits that are 0 in its high half must
  /// be 0 (A.3.1).
  static func adjust(
    _ required: UInt32, optional: UInt32, _ capability: UInt64, _ name: StaticString
  ) throws(VMXError) -> UInt32 {
    let mustBeOne = UInt32(truncatingIfNeeded: capability)
    let mayBeOne = UInt32(truncatingIfNeeded: capability >> 32)
    guard required & ~mayBeOne == 0 else { throw .missingControl(name) }
    return (required | optional | mustBeOne) & mayBeOne
  }

  /// Whether firmware lets VMXON run, given IA32_FEATURE_CONTROL: a value to write first where it is not
  /// locked yet, nil where nothing is to be written.
  public static func featureControlToWrite(_ value: UInt64) throws(VMXError) -> UInt64? {
    if value & FeatureControl.lock == 0 {
      return value | FeatureControl.lock | FeatureControl.enableOutsideSMX
    }
    guard value & FeatureControl.enableOutsideSMX != 0 else { throw .lockedOffByFirmware }
    return nil
  }
}
