/// #VMEXIT codes (APM Vol. 2, appendix C).
public enum SVMExitCode {
  public static let controlRegisters: ClosedRange<UInt64> = 0x00...0x1F
  public static let exceptions: ClosedRange<UInt64> = 0x40...0x5F
  public static let pageFault: UInt64 = 0x4E
  public static let interrupt: UInt64 = 0x60
  public static let nmi: UInt64 = 0x61
  public static let smi: UInt64 = 0x62
  public static let initialize: UInt64 = 0x63
  public static let virtualInterrupt: UInt64 = 0x64
  public static let rdpmc: UInt64 = 0x6F
  public static let cpuid: UInt64 = 0x72
  public static let iret: UInt64 = 0x74
  public static let invd: UInt64 = 0x76
  public static let hlt: UInt64 = 0x78
  public static let invlpg: UInt64 = 0x79
  public static let invlpga: UInt64 = 0x7A
  public static let ioPort: UInt64 = 0x7B
  public static let msr: UInt64 = 0x7C
  public static let taskSwitch: UInt64 = 0x7D
  public static let shutdown: UInt64 = 0x7F
  public static let vmrun: UInt64 = 0x80
  public static let skinit: UInt64 = 0x86
  public static let wbinvd: UInt64 = 0x89
  public static let monitor: UInt64 = 0x8A
  public static let mwait: UInt64 = 0x8B
  public static let xsetbv: UInt64 = 0x8D
  public static let nestedPageFault: UInt64 = 0x400

  /// VMEXIT_INVALID: all ones, of which an emulator may give the low half alone.
  public static func isInvalid(_ code: UInt64) -> Bool {
    UInt32(truncatingIfNeeded: code) == .max
  }

  /// Names for reports; nil for a code that this list does not know.
  public static func name(_ code: UInt64) -> StaticString? {
    switch code {
    case controlRegisters: "control-register access"
    case exceptions: "exception"
    case interrupt: "physical interrupt"
    case nmi: "NMI"
    case smi: "SMI"
    case initialize: "INIT"
    case virtualInterrupt: "virtual interrupt"
    case rdpmc: "RDPMC"
    case cpuid: "CPUID"
    case iret: "IRET"
    case invd: "INVD"
    case hlt: "HLT"
    case invlpg: "INVLPG"
    case invlpga: "INVLPGA"
    case ioPort: "I/O instruction"
    case msr: "RDMSR or WRMSR"
    case taskSwitch: "task switch"
    case shutdown: "shutdown"
    case vmrun...skinit: "SVM instruction"
    case wbinvd: "WBINVD"
    case monitor: "MONITOR"
    case mwait: "MWAIT"
    case xsetbv: "XSETBV"
    case nestedPageFault: "nested page fault"
    default: nil
    }
  }
}
