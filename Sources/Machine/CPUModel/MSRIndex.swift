/// Indexes of the model-specific registers that the guest meets (SDM Vol. 4, "Model-Specific Registers",
/// chapter 2; AMD APM Vol. 2, appendix A).
public enum MSRIndex {
  public static let timeStampCounter: UInt32 = 0x10
  public static let apicBase: UInt32 = 0x1B
  public static let tscAdjust: UInt32 = 0x3B
  public static let tscDeadline: UInt32 = 0x6E0
  /// The x2APIC's registers; those of them that exist stand in the first 64.
  public static let x2APIC: Range<UInt32> = 0x800..<0x900
}
