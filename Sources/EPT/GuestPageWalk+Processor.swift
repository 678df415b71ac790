extension GuestPageWalk {
  /// What of the guest's processor, as CPUID describes it to the guest, decides which bits are reserved.
  public struct Processor: Equatable, Sendable {
    /// MAXPHYADDR: CPUID.80000008H:EAX[7:0], held to 32…52.
    public let physicalAddressWidth: UInt64
    /// CPUID.80000001H:EDX[26].
    public let hasGigabytePages: Bool
    /// Whether bit 8 of a PML4 entry must be zero: so on AMD (APM Vol. 2, 5.3.3), ignored on Intel.
    public let reservesGlobalBitOfPML4: Bool

    public init(physicalAddressWidth: UInt8, hasGigabytePages: Bool, reservesGlobalBitOfPML4: Bool) {
      self.physicalAddressWidth = min(max(UInt64(physicalAddressWidth), 32), 52)
      self.hasGigabytePages = hasGigabytePages
      self.reservesGlobalBitOfPML4 = reservesGlobalBitOfPML4
    }
  }
}
