/// Bits of CR0 (SDM Vol. 3A, 2.5).
public enum CR0 {
  public static let protectionEnable: UInt64 = 1 << 0
  public static let monitorCoprocessor: UInt64 = 1 << 1
  public static let emulation: UInt64 = 1 << 2
  public static let taskSwitched: UInt64 = 1 << 3
  public static let extensionType: UInt64 = 1 << 4
  public static let numericError: UInt64 = 1 << 5
  public static let writeProtect: UInt64 = 1 << 16
  public static let alignmentMask: UInt64 = 1 << 18
  public static let notWriteThrough: UInt64 = 1 << 29
  public static let cacheDisable: UInt64 = 1 << 30
  public static let paging: UInt64 = 1 << 31

  /// Every bit that is defined; the others are reserved and read 0.
  public static let defined: UInt64 =
    protectionEnable | monitorCoprocessor | emulation | taskSwitched | extensionType | numericError
    | writeProtect | alignmentMask | notWriteThrough | cacheDisable | paging
}

/// Bits of CR4 (SDM Vol. 3A, 2.5).
public enum CR4 {
  public static let virtual8086: UInt64 = 1 << 0
  public static let timeStampDisable: UInt64 = 1 << 2
  public static let debuggingExtensions: UInt64 = 1 << 3
  public static let pageSizeExtension: UInt64 = 1 << 4
  public static let physicalAddressExtension: UInt64 = 1 << 5
  public static let machineCheck: UInt64 = 1 << 6
  public static let pageGlobal: UInt64 = 1 << 7
  public static let fxsr: UInt64 = 1 << 9
  public static let simdExceptions: UInt64 = 1 << 10
  public static let umip: UInt64 = 1 << 11
  public static let la57: UInt64 = 1 << 12
  public static let vmx: UInt64 = 1 << 13
  public static let smx: UInt64 = 1 << 14
  public static let fsgsbase: UInt64 = 1 << 16
  public static let pcid: UInt64 = 1 << 17
  public static let xsave: UInt64 = 1 << 18
  public static let smep: UInt64 = 1 << 20
  public static let smap: UInt64 = 1 << 21
  public static let protectionKeys: UInt64 = 1 << 22

  /// VME, PVI, TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT: on every CPU with VT-x or AMD-V.
  public static let baseline: UInt64 = 0x7FF
}

/// Bits of IA32_EFER (SDM Vol. 3A, 2.2.1).
public enum EFER {
  public static let systemCall: UInt64 = 1 << 0
  public static let longModeEnable: UInt64 = 1 << 8
  public static let longModeActive: UInt64 = 1 << 10
  public static let noExecute: UInt64 = 1 << 11
}

/// Bits of RFLAGS (SDM Vol. 1, 3.4.3).
public enum RFLAGS {
  public static let alwaysSet: UInt64 = 1 << 1
  public static let trap: UInt64 = 1 << 8
  public static let interrupt: UInt64 = 1 << 9
  public static let ioPrivilege: UInt64 = 3 << 12
  public static let virtual8086: UInt64 = 1 << 17
  public static let alignmentCheck: UInt64 = 1 << 18
}

/// Exception vectors (SDM Vol. 3A, table 6-1).
public enum ExceptionVector {
  public static let debug: UInt8 = 1
  public static let nmi: UInt8 = 2
  public static let breakpoint: UInt8 = 3
  public static let overflow: UInt8 = 4
  public static let invalidOpcode: UInt8 = 6
  public static let doubleFault: UInt8 = 8
  public static let stackFault: UInt8 = 12
  public static let generalProtection: UInt8 = 13
  public static let pageFault: UInt8 = 14
  public static let alignmentCheck: UInt8 = 17
  public static let machineCheck: UInt8 = 18

  /// Whether #GP during its delivery makes a double fault (SDM Vol. 3A, table 6-5): the contributory ones, #DE, #TS, #NP,
  /// #SS and #GP, and #PF. (#PF during the delivery of #PF alone does.)
  public static func isContributoryOrPageFault(_ vector: UInt8) -> Bool {
    vector == 0 || 10...14 ~= vector
  }
}
