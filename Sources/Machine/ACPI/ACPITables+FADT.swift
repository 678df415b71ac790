import Memory

extension ACPITables {
  /// Fixed feature flags (ACPI 6.5, table 5.10).
  private struct FixedFeatures: OptionSet {
    let rawValue: UInt32

    /// WBINVD works.
    static let wbinvd = Self(rawValue: 1 << 0)
    static let noFixedPowerButton = Self(rawValue: 1 << 4)
    static let noFixedSleepButton = Self(rawValue: 1 << 5)
    static let noFixedRTCWake = Self(rawValue: 1 << 6)
    /// The PM timer has 32 bits, not 24.
    static let extendedTimer = Self(rawValue: 1 << 8)
    static let resetRegister = Self(rawValue: 1 << 10)
    static let hardwareReduced = Self(rawValue: 1 << 20)
  }

  /// IA-PC boot architecture flags (ACPI 6.5, table 5.11). What has no flag here: legacy devices outside
  /// the DSDT and an 8042 are absent, MSI and the RTC are present.
  private struct BootArchitecture: OptionSet {
    let rawValue: UInt16

    static let noVGA = Self(rawValue: 1 << 2)
  }

  /// The FADT (ACPI 6.5, 5.2.9).
  ///
  /// A hardware-reduced machine leaves the PM registers out, and its OS ignores their fields. The PM timer's
  /// are filled in all the same: Linux reads them on such a machine too, and takes the timer for a clock
  /// source and as the yardstick that it calibrates the TSC and the local APIC's timer with. Where the
  /// 32-bit and the 64-bit field of one thing both count, they agree.
  static func fadt(dsdtAddress: UInt64) -> [UInt8] {
    let features: FixedFeatures = [
      .wbinvd, .noFixedPowerButton, .noFixedSleepButton, .noFixedRTCWake, .extendedTimer, .resetRegister,
      .hardwareReduced,
    ]
    var table = SystemDescriptionTable("FACP", revision: 6)
    table.skip(to: 40)
    table.append(UInt32(truncatingIfNeeded: dsdtAddress))
    table.skip(to: 45)
    table.append(UInt8(4))  // preferred power management profile: enterprise server
    table.skip(to: 76)
    table.append(UInt32(GuestPorts.pmTimer.lowerBound))
    table.skip(to: 91)
    table.append(UInt8(GuestPorts.pmTimer.count))
    table.skip(to: 109)
    table.append(BootArchitecture.noVGA.rawValue)
    table.skip(to: 112)
    table.append(features.rawValue)
    table.appendPort(GuestPorts.reset, width: 1)
    table.append(GuestPorts.resetValue)
    table.skip(to: 131)
    table.append(UInt8(5))  // minor version: ACPI 6.5
    table.skip(to: 140)
    table.append(dsdtAddress)
    table.skip(to: 208)
    table.appendPort(GuestPorts.pmTimer.lowerBound, width: GuestPorts.pmTimer.count)
    table.skip(to: 244)
    table.appendPort(GuestPorts.sleepControl, width: 1)
    table.appendPort(GuestPorts.sleepStatus, width: 1)
    table.skip(to: 276)
    return table.finished()
  }
}
