import EPT
import VCPU

/// Reads model-specific registers; the tests' version is a table.
public protocol MSRReader {
  func read(_ index: UInt32) -> UInt64
}

/// What this CPU's VT-x can do, and the control words that we run guests with: what we need, plus what we
/// take where it is there, adjusted to what the capability MSRs demand (SDM Vol. 3D, appendix A).
public struct VMXCapabilities: Sendable {
  public let revision: UInt32
  public let pin: PinControls
  public let processor: ProcessorControls
  public let secondary: SecondaryControls
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
    public static let misc: UInt32 = 0x485
    public static let cr0Fixed0: UInt32 = 0x486
    public static let cr0Fixed1: UInt32 = 0x487
    public static let cr4Fixed0: UInt32 = 0x488
    public static let cr4Fixed1: UInt32 = 0x489
    public static let secondary: UInt32 = 0x48B
    public static let eptVPID: UInt32 = 0x48C
    public static let truePin: UInt32 = 0x48D
    public static let trueProcessor: UInt32 = 0x48E
    public static let trueExit: UInt32 = 0x48F
    public static let trueEntry: UInt32 = 0x490
  }

  /// Bits of IA32_FEATURE_CONTROL (SDM Vol. 3C, 24.7).
  public enum FeatureControl {
    public static let lock: UInt64 = 1 << 0
    public static let enableOutsideSMX: UInt64 = 1 << 2
  }

  /// Reads the capability MSRs of a CPU whose CPUID reports VMX.
  public init<Reader: MSRReader>(_ msrs: Reader) throws(VMXError) {
    let basic = msrs.read(MSR.basic)
    revision = UInt32(truncatingIfNeeded: basic) & 0x7FFF_FFFF
    guard basic & 1 << 55 != 0 else { throw .noTrueControls }

    let processorMSR = msrs.read(MSR.trueProcessor)
    guard ProcessorControls(rawValue: UInt32(processorMSR >> 32)).contains(.secondaryControls) else {
      throw .noEPT
    }
    let secondaryMSR = msrs.read(MSR.secondary)
    let allowedSecondary = SecondaryControls(rawValue: UInt32(secondaryMSR >> 32))
    guard allowedSecondary.contains(.ept) else { throw .noEPT }
    guard allowedSecondary.contains(.unrestrictedGuest) else { throw .noUnrestrictedGuest }
    translations = EPTCapabilities(rawValue: msrs.read(MSR.eptVPID))
    guard translations.isSuperset(of: EPTPointer.requirements) else { throw .noEPTWriteBack }

    // Tagged translations are of use only where they can be dropped.
    let canInvalidate = translations.contains([.invvpid, .invvpidSingleContext])
    let optionalSecondary: SecondaryControls =
      canInvalidate ? [.vpid, .rdtscp, .invpcid, .wbinvdExiting] : [.rdtscp, .invpcid, .wbinvdExiting]

    pin = PinControls(
      rawValue: try Self.adjust(
        PinControls([.externalInterruptExiting, .nmiExiting, .virtualNMIs]).rawValue,
        optional: PinControls.preemptionTimer.rawValue, msrs.read(MSR.truePin), "pin-based"))
    processor = ProcessorControls(
      rawValue: try Self.adjust(
        ProcessorControls([
          .tscOffsetting, .hltExiting, .mwaitExiting, .rdpmcExiting, .cr8LoadExiting, .cr8StoreExiting,
          .unconditionalIOExiting, .msrBitmaps, .monitorExiting, .secondaryControls,
        ]).rawValue, optional: 0, processorMSR, "processor-based"))
    hasMonitorTrapFlag = ProcessorControls(rawValue: UInt32(processorMSR >> 32)).contains(.monitorTrapFlag)
    secondary = SecondaryControls(
      rawValue: try Self.adjust(
        SecondaryControls([.ept, .unrestrictedGuest]).rawValue,
        optional: optionalSecondary.rawValue, secondaryMSR,
        "secondary"))
    exit = ExitControls(
      rawValue: try Self.adjust(
        ExitControls([.hostAddressSpaceSize, .saveDebugControls, .savePAT, .loadPAT, .saveEFER, .loadEFER])
          .rawValue, optional: 0, msrs.read(MSR.trueExit), "VM-exit"))
    entry = EntryControls(
      rawValue: try Self.adjust(
        EntryControls([.loadDebugControls, .loadPAT, .loadEFER]).rawValue, optional: 0,
        msrs.read(MSR.trueEntry), "VM-entry"))

    // Unrestricted guest exempts PE and PG from the fixed bits (A.7).
    let exempt = CR0.protectionEnable | CR0.paging
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
