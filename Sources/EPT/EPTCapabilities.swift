/// What a processor's EPT and VPID can do: the value of IA32_VMX_EPT_VPID_CAP, MSR 48CH (SDM Vol. 3D, A.10).
public struct EPTCapabilities: OptionSet, Sendable {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A leaf may be executable without being readable.
  public static let executeOnly = Self(rawValue: 1 << 0)
  public static let pageWalkLength4 = Self(rawValue: 1 << 6)
  /// The tables themselves may be accessed as uncacheable memory.
  public static let uncacheable = Self(rawValue: 1 << 8)
  /// The tables themselves may be accessed as write-back memory.
  public static let writeBack = Self(rawValue: 1 << 14)
  public static let page2M = Self(rawValue: 1 << 16)
  public static let page1G = Self(rawValue: 1 << 17)
  public static let invept = Self(rawValue: 1 << 20)
  public static let accessedAndDirtyFlags = Self(rawValue: 1 << 21)
  public static let inveptSingleContext = Self(rawValue: 1 << 25)
  public static let inveptAllContexts = Self(rawValue: 1 << 26)
  public static let invvpid = Self(rawValue: 1 << 32)
  public static let invvpidIndividualAddress = Self(rawValue: 1 << 40)
  public static let invvpidSingleContext = Self(rawValue: 1 << 41)
  public static let invvpidAllContexts = Self(rawValue: 1 << 42)
  public static let invvpidSingleContextRetainingGlobals = Self(rawValue: 1 << 43)
}
