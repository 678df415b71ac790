/// Basic exit reasons (SDM Vol. 3D, appendix C).
public enum ExitReason {
  public static let exceptionOrNMI: UInt32 = 0
  public static let externalInterrupt: UInt32 = 1
  public static let tripleFault: UInt32 = 2
  public static let interruptWindow: UInt32 = 7
  public static let nmiWindow: UInt32 = 8
  public static let taskSwitch: UInt32 = 9
  public static let cpuid: UInt32 = 10
  public static let getsec: UInt32 = 11
  public static let hlt: UInt32 = 12
  public static let invd: UInt32 = 13
  public static let invlpg: UInt32 = 14
  public static let rdpmc: UInt32 = 15
  public static let vmcall: UInt32 = 18
  public static let vmxon: UInt32 = 27
  public static let controlRegister: UInt32 = 28
  public static let ioInstruction: UInt32 = 30
  public static let rdmsr: UInt32 = 31
  public static let wrmsr: UInt32 = 32
  public static let invalidGuestState: UInt32 = 33
  public static let msrLoading: UInt32 = 34
  public static let mwait: UInt32 = 36
  public static let monitorTrapFlag: UInt32 = 37
  public static let monitor: UInt32 = 39
  public static let machineCheckDuringEntry: UInt32 = 41
  public static let eptViolation: UInt32 = 48
  public static let eptMisconfiguration: UInt32 = 49
  public static let invept: UInt32 = 50
  public static let preemptionTimer: UInt32 = 52
  public static let invvpid: UInt32 = 53
  public static let wbinvd: UInt32 = 54
  public static let xsetbv: UInt32 = 55

  /// Bit 31 of the exit reason field: the entry failed (27.8).
  public static let entryFailure: UInt32 = 1 << 31

  /// Names for reports; nil for a reason that this list does not know.
  public static func name(_ reason: UInt32) -> StaticString? {
    switch reason & 0xFFFF {
    case exceptionOrNMI: "exception or NMI"
    case externalInterrupt: "external interrupt"
    case tripleFault: "triple fault"
    case interruptWindow: "interrupt window"
    case nmiWindow: "NMI window"
    case taskSwitch: "task switch"
    case cpuid: "CPUID"
    case getsec: "GETSEC"
    case hlt: "HLT"
    case invd: "INVD"
    case invlpg: "INVLPG"
    case rdpmc: "RDPMC"
    case vmcall...vmxon: "VMX instruction"
    case controlRegister: "control-register access"
    case ioInstruction: "I/O instruction"
    case rdmsr: "RDMSR"
    case wrmsr: "WRMSR"
    case invalidGuestState: "entry failure: invalid guest state"
    case msrLoading: "entry failure: MSR loading"
    case mwait: "MWAIT"
    case monitorTrapFlag: "monitor trap flag"
    case monitor: "MONITOR"
    case machineCheckDuringEntry: "entry failure: machine check"
    case eptViolation: "EPT violation"
    case eptMisconfiguration: "EPT misconfiguration"
    case invept: "INVEPT"
    case preemptionTimer: "preemption timer"
    case invvpid: "INVVPID"
    case wbinvd: "WBINVD"
    case xsetbv: "XSETBV"
    default: nil
    }
  }
}
