import Memory

/// The fixed hardware that the kernel uses, from the Fixed ACPI Description Table (ACPI 6.5, 5.2.9).
public struct FADT: Equatable, Sendable {
  /// The counter that runs at 3.579545 MHz (ACPI 6.5, 4.8.3.3).
  public struct PMTimer: Equatable, Sendable {
    public var register: GenericAddress
    /// Bits that count: 24 or 32.
    public var width: Int
  }

  /// The power management timer; nil where the machine has none.
  public let pmTimer: PMTimer?

  /// The register that resets the machine when `resetValue` is written to it; nil where there is none.
  public let resetRegister: GenericAddress?

  public let resetValue: UInt8

  private struct Features: OptionSet {
    let rawValue: UInt32
    static let timerHas32Bits = Features(rawValue: 1 << 8)
    static let resetRegister = Features(rawValue: 1 << 10)
  }

  public init<Source: PhysicalMemory>(_ tables: FirmwareTables<Source>) throws(FirmwareTablesError) {
    let table = try tables.table(.fadt)
    guard let flags = table.load(UInt32.self, at: 112) else { throw .malformed(.fadt) }
    let features = Features(rawValue: flags)
    if table.load(UInt8.self, at: 91) == 4, let register = Self.timerRegister(table) {
      pmTimer = PMTimer(register: register, width: features.contains(.timerHas32Bits) ? 32 : 24)
    } else {
      pmTimer = nil
    }
    resetRegister = features.contains(.resetRegister) ? GenericAddress(table, at: 116) : nil
    resetValue = table.load(UInt8.self, at: 128) ?? 0
  }

  /// X_PM_TMR_BLK, or PM_TMR_BLK where that is not filled in.
  private static func timerRegister<Source: PhysicalMemory>(_ table: FirmwareTable<Source>) -> GenericAddress?
  {
    switch GenericAddress(table, at: 208) {
    case .memory(let address)?: return .memory(address)
    case .port(let port)?: return .port(port)
    case .pciConfiguration?, nil:
      let port = table.load(UInt32.self, at: 76).flatMap(UInt16.init(exactly:)) ?? 0
      return port == 0 ? nil : .port(port)
    }
  }
}
