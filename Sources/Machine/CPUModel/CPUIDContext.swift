/// What CPUID's answer takes from the vCPU that executes it.
public struct CPUIDContext: Equatable, Sendable {
  public var apicID: UInt32
  /// vCPUs in this one's package.
  public var coresInPackage: UInt32
  /// The global enable bit of IA32_APIC_BASE.
  public var isLocalAPICEnabled: Bool
  public var cr4: UInt64
  public var xcr0: UInt64

  public init(apicID: UInt32, coresInPackage: UInt32, isLocalAPICEnabled: Bool, cr4: UInt64, xcr0: UInt64) {
    self.apicID = apicID
    self.coresInPackage = coresInPackage
    self.isLocalAPICEnabled = isLocalAPICEnabled
    self.cr4 = cr4
    self.xcr0 = xcr0
  }
}
