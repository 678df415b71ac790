/// The encoding of a VMCS field, computed from its parts (SDM Vol. 3C, 25.11.2, table 25-21).
///
///     14:13 width   12 0   11:10 kind   9:1 index   0 access (always the full field here)
public struct VMCSField: Equatable, Sendable {
  public let encoding: UInt64

  public enum Width: UInt64, Sendable {
    case bits16, bits64, bits32, natural
  }

  public enum Kind: UInt64, Sendable {
    case control, exitInformation, guest, host
  }

  @inline(__always)
  public init(_ kind: Kind, _ width: Width, _ index: UInt64) {
    encoding = width.rawValue << 13 | kind.rawValue << 10 | index << 1
  }
}

// The names are the SDM's (Vol. 3C, appendix B), under its headings.
extension VMCSField {
  // 16-bit control and guest-state fields
  @inline(__always) public static var vpid: Self { .init(.control, .bits16, 0) }

  /// Selector, limit, access rights and base of a guest segment register; `index` as in `SegmentRegister`.
  @inline(__always) public static func guestSelector(_ index: UInt8) -> Self {
    .init(.guest, .bits16, UInt64(index))
  }
  @inline(__always) public static func guestLimit(_ index: UInt8) -> Self {
    .init(.guest, .bits32, UInt64(index))
  }
  @inline(__always) public static func guestAccessRights(_ index: UInt8) -> Self {
    .init(.guest, .bits32, 10 + UInt64(index))
  }
  @inline(__always) public static func guestBase(_ index: UInt8) -> Self {
    .init(.guest, .natural, 3 + UInt64(index))
  }

  // 16-bit host-state fields
  @inline(__always) public static var hostES: Self { .init(.host, .bits16, 0) }
  @inline(__always) public static var hostCS: Self { .init(.host, .bits16, 1) }
  @inline(__always) public static var hostSS: Self { .init(.host, .bits16, 2) }
  @inline(__always) public static var hostDS: Self { .init(.host, .bits16, 3) }
  @inline(__always) public static var hostFS: Self { .init(.host, .bits16, 4) }
  @inline(__always) public static var hostGS: Self { .init(.host, .bits16, 5) }
  @inline(__always) public static var hostTR: Self { .init(.host, .bits16, 6) }

  // 64-bit control fields
  @inline(__always) public static var msrBitmap: Self { .init(.control, .bits64, 2) }
  @inline(__always) public static var tscOffset: Self { .init(.control, .bits64, 8) }
  @inline(__always) public static var eptPointer: Self { .init(.control, .bits64, 13) }

  // 64-bit read-only data field
  @inline(__always) public static var guestPhysicalAddress: Self { .init(.exitInformation, .bits64, 0) }

  // 64-bit guest-state fields
  @inline(__always) public static var vmcsLinkPointer: Self { .init(.guest, .bits64, 0) }
  @inline(__always) public static var guestDebugControl: Self { .init(.guest, .bits64, 1) }
  @inline(__always) public static var guestPAT: Self { .init(.guest, .bits64, 2) }
  @inline(__always) public static var guestEFER: Self { .init(.guest, .bits64, 3) }
  @inline(__always) public static func guestPDPTE(_ index: UInt64) -> Self {
    .init(.guest, .bits64, 5 + index)
  }

  // 64-bit host-state fields
  @inline(__always) public static var hostPAT: Self { .init(.host, .bits64, 0) }
  @inline(__always) public static var hostEFER: Self { .init(.host, .bits64, 1) }

  // 32-bit control fields
  @inline(__always) public static var pinBasedControls: Self { .init(.control, .bits32, 0) }
  @inline(__always) public static var processorBasedControls: Self { .init(.control, .bits32, 1) }
  @inline(__always) public static var exceptionBitmap: Self { .init(.control, .bits32, 2) }
  @inline(__always) public static var pageFaultErrorCodeMask: Self { .init(.control, .bits32, 3) }
  @inline(__always) public static var pageFaultErrorCodeMatch: Self { .init(.control, .bits32, 4) }
  @inline(__always) public static var cr3TargetCount: Self { .init(.control, .bits32, 5) }
  @inline(__always) public static var exitControls: Self { .init(.control, .bits32, 6) }
  @inline(__always) public static var exitMSRStoreCount: Self { .init(.control, .bits32, 7) }
  @inline(__always) public static var exitMSRLoadCount: Self { .init(.control, .bits32, 8) }
  @inline(__always) public static var entryControls: Self { .init(.control, .bits32, 9) }
  @inline(__always) public static var entryMSRLoadCount: Self { .init(.control, .bits32, 10) }
  @inline(__always) public static var entryInterruption: Self { .init(.control, .bits32, 11) }
  @inline(__always) public static var entryExceptionErrorCode: Self { .init(.control, .bits32, 12) }
  @inline(__always) public static var entryInstructionLength: Self { .init(.control, .bits32, 13) }
  @inline(__always) public static var secondaryControls: Self { .init(.control, .bits32, 15) }

  // 32-bit read-only data fields
  @inline(__always) public static var instructionError: Self { .init(.exitInformation, .bits32, 0) }
  @inline(__always) public static var exitReason: Self { .init(.exitInformation, .bits32, 1) }
  @inline(__always) public static var exitInterruption: Self { .init(.exitInformation, .bits32, 2) }
  @inline(__always) public static var exitInterruptionErrorCode: Self { .init(.exitInformation, .bits32, 3) }
  @inline(__always) public static var vectoring: Self { .init(.exitInformation, .bits32, 4) }
  @inline(__always) public static var vectoringErrorCode: Self { .init(.exitInformation, .bits32, 5) }
  @inline(__always) public static var exitInstructionLength: Self { .init(.exitInformation, .bits32, 6) }

  // 32-bit guest-state fields
  @inline(__always) public static var guestGDTRLimit: Self { .init(.guest, .bits32, 8) }
  @inline(__always) public static var guestIDTRLimit: Self { .init(.guest, .bits32, 9) }
  @inline(__always) public static var guestInterruptibility: Self { .init(.guest, .bits32, 18) }
  @inline(__always) public static var guestActivity: Self { .init(.guest, .bits32, 19) }
  @inline(__always) public static var guestSysenterCS: Self { .init(.guest, .bits32, 21) }
  @inline(__always) public static var preemptionTimer: Self { .init(.guest, .bits32, 23) }

  // 32-bit host-state field
  @inline(__always) public static var hostSysenterCS: Self { .init(.host, .bits32, 0) }

  // Natural-width control fields
  @inline(__always) public static var cr0Mask: Self { .init(.control, .natural, 0) }
  @inline(__always) public static var cr4Mask: Self { .init(.control, .natural, 1) }
  @inline(__always) public static var cr0ReadShadow: Self { .init(.control, .natural, 2) }
  @inline(__always) public static var cr4ReadShadow: Self { .init(.control, .natural, 3) }

  // Natural-width read-only data fields
  @inline(__always) public static var exitQualification: Self { .init(.exitInformation, .natural, 0) }
  @inline(__always) public static var guestLinearAddress: Self { .init(.exitInformation, .natural, 5) }

  // Natural-width guest-state fields
  @inline(__always) public static var guestCR0: Self { .init(.guest, .natural, 0) }
  @inline(__always) public static var guestCR3: Self { .init(.guest, .natural, 1) }
  @inline(__always) public static var guestCR4: Self { .init(.guest, .natural, 2) }
  @inline(__always) public static var guestGDTRBase: Self { .init(.guest, .natural, 11) }
  @inline(__always) public static var guestIDTRBase: Self { .init(.guest, .natural, 12) }
  @inline(__always) public static var guestDR7: Self { .init(.guest, .natural, 13) }
  @inline(__always) public static var guestRSP: Self { .init(.guest, .natural, 14) }
  @inline(__always) public static var guestRIP: Self { .init(.guest, .natural, 15) }
  @inline(__always) public static var guestRFLAGS: Self { .init(.guest, .natural, 16) }
  @inline(__always) public static var guestPendingDebug: Self { .init(.guest, .natural, 17) }
  @inline(__always) public static var guestSysenterESP: Self { .init(.guest, .natural, 18) }
  @inline(__always) public static var guestSysenterEIP: Self { .init(.guest, .natural, 19) }

  // Natural-width host-state fields
  @inline(__always) public static var hostCR0: Self { .init(.host, .natural, 0) }
  @inline(__always) public static var hostCR3: Self { .init(.host, .natural, 1) }
  @inline(__always) public static var hostCR4: Self { .init(.host, .natural, 2) }
  @inline(__always) public static var hostFSBase: Self { .init(.host, .natural, 3) }
  @inline(__always) public static var hostGSBase: Self { .init(.host, .natural, 4) }
  @inline(__always) public static var hostTRBase: Self { .init(.host, .natural, 5) }
  @inline(__always) public static var hostGDTRBase: Self { .init(.host, .natural, 6) }
  @inline(__always) public static var hostIDTRBase: Self { .init(.host, .natural, 7) }
  @inline(__always) public static var hostSysenterESP: Self { .init(.host, .natural, 8) }
  @inline(__always) public static var hostSysenterEIP: Self { .init(.host, .natural, 9) }
  @inline(__always) public static var hostRIP: Self { .init(.host, .natural, 11) }
}
