/// Why this CPU cannot run our guests by VT-x, and what its owner can do about it.
public enum VMXError: Error, Equatable, Sendable {
  case notSupported
  case lockedOffByFirmware
  case noTrueControls
  case noEPT
  case noEPTWriteBack
  case noUnrestrictedGuest
  case missingControl(StaticString)
  case enterFailed

  public var advice: StaticString {
    switch self {
    case .notSupported:
      "this CPU has neither VT-x nor AMD-V; under an emulator choose a CPU model or an accelerator that offers it"
    case .lockedOffByFirmware:
      "VT-x is locked off by the firmware; enable \"Intel Virtualization Technology\" in its setup"
    case .noTrueControls:
      "paging=nested: this CPU's VT-x is too old, without TRUE control capabilities; leave the option out"
    case .noEPT:
      "paging=nested: this CPU has VT-x without EPT; leave the option out"
    case .noEPTWriteBack:
      "paging=nested: this CPU's EPT lacks 4-level walks, write-back memory or INVEPT; leave the option out"
    case .noUnrestrictedGuest:
      "paging=nested: this CPU has VT-x without unrestricted guest mode; leave the option out"
    case .missingControl:
      "this CPU's VT-x lacks a control that is needed"
    case .enterFailed:
      "VMXON was refused, although the CPU offers VT-x; another hypervisor may be holding it"
    }
  }

  /// Whether guests can run all the same, on shadow tables.
  public var leavesShadowTables: Bool {
    switch self {
    case .noTrueControls, .noEPT, .noEPTWriteBack, .noUnrestrictedGuest, .missingControl: true
    case .notSupported, .lockedOffByFirmware, .enterFailed: false
    }
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.code == right.code
  }

  private var code: Int {
    switch self {
    case .notSupported: 0
    case .lockedOffByFirmware: 1
    case .noTrueControls: 2
    case .noEPT: 3
    case .noEPTWriteBack: 4
    case .noUnrestrictedGuest: 5
    case .missingControl: 6
    case .enterFailed: 7
    }
  }
}
