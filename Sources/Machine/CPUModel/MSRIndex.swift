/// Indexes of the model-specific registers that the guest meets (SDM Vol. 4, chapter 2, "Model-Specific
/// Registers (MSRs)"; AMD APM Vol. 2, appendix A).
public enum MSRIndex {
  public static let timeStampCounter: UInt32 = 0x10
  static let platformID: UInt32 = 0x17
  public static let apicBase: UInt32 = 0x1B
  static let smiCount: UInt32 = 0x34
  static let featureControl: UInt32 = 0x3A
  public static let tscAdjust: UInt32 = 0x3B
  public static let speculationControl: UInt32 = 0x48
  public static let predictionCommand: UInt32 = 0x49
  /// IA32_BIOS_SIGN_ID; AMD's PATCH_LEVEL.
  static let microcodeRevision: UInt32 = 0x8B
  static let platformInformation: UInt32 = 0xCE
  static let mtrrCapabilities: UInt32 = 0xFE
  static let architecturalCapabilities: UInt32 = 0x10A
  public static let flushCommand: UInt32 = 0x10B
  static let miscellaneousFeatures: UInt32 = 0x140
  public static let sysenterCS: UInt32 = 0x174
  public static let sysenterESP: UInt32 = 0x175
  public static let sysenterEIP: UInt32 = 0x176
  static let machineCheckCapabilities: UInt32 = 0x179
  static let machineCheckStatus: UInt32 = 0x17A
  static let miscellaneousEnable: UInt32 = 0x1A0
  public static let debugControl: UInt32 = 0x1D9
  /// Base and mask by turns.
  static let variableMTRRs: Range<UInt32> = 0x200..<0x210
  static let fixedMTRR64K: UInt32 = 0x250
  static let fixedMTRR16K: Range<UInt32> = 0x258..<0x25A
  static let fixedMTRR4K: Range<UInt32> = 0x268..<0x270
  public static let pageAttributeTable: UInt32 = 0x277
  static let mtrrDefaultType: UInt32 = 0x2FF
  public static let tscDeadline: UInt32 = 0x6E0
  /// The x2APIC's registers; those of them that exist stand in the first 64.
  public static let x2APIC: Range<UInt32> = 0x800..<0x900

  public static let extendedFeatures: UInt32 = 0xC000_0080
  public static let star: UInt32 = 0xC000_0081
  public static let lstar: UInt32 = 0xC000_0082
  public static let cstar: UInt32 = 0xC000_0083
  public static let flagMask: UInt32 = 0xC000_0084
  public static let fsBase: UInt32 = 0xC000_0100
  public static let gsBase: UInt32 = 0xC000_0101
  public static let kernelGSBase: UInt32 = 0xC000_0102
  public static let tscAuxiliary: UInt32 = 0xC000_0103

  static let amdSystemConfiguration: UInt32 = 0xC001_0010
  static let amdHardwareConfiguration: UInt32 = 0xC001_0015
  static let amdNorthBridgeConfiguration: UInt32 = 0xC001_001F
  static let amdVirtualMachineControl: UInt32 = 0xC001_0114
  static let amdDecodeConfiguration: UInt32 = 0xC001_1029
}
