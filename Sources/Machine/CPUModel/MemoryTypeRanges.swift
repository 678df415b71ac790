import Memory

/// The memory type range registers as firmware would leave them (SDM Vol. 3A, 12.11, "Memory Type Range
/// Registers (MTRRs)"): write-back by default, the device hole uncacheable, the fixed ranges off. They are
/// state for the guest to read back; the second-level tables decide what memory really is.
struct MemoryTypeRanges: Sendable {
  /// Eight variable ranges, fixed ranges, write-combining.
  static let capabilities: UInt64 = 8 | 1 << 8 | 1 << 10

  private static let uncacheable: UInt64 = 0
  private static let writeBack: UInt64 = 6
  private static let enabled: UInt64 = 1 << 11
  private static let rangeValid: UInt64 = 1 << 11

  private let reservedAddressBits: UInt64
  private var defaultType: UInt64 = enabled | writeBack
  private var fixed = InlineArray<11, UInt64>(repeating: 0)
  private var variable = InlineArray<16, UInt64>(repeating: 0)

  init(physicalAddressBits: UInt32) {
    reservedAddressBits = ~((1 << UInt64(physicalAddressBits)) &- 1)
    let hole = GuestMemoryMap.deviceHole
    variable[0] = hole.lowerBound | Self.uncacheable
    variable[1] = ~(hole.upperBound - hole.lowerBound - 1) & ~reservedAddressBits | Self.rangeValid
  }

  /// Nil where `index` is none of these registers.
  func read(_ index: UInt32) -> UInt64? {
    if index == MSRIndex.mtrrCapabilities { return Self.capabilities }
    if index == MSRIndex.mtrrDefaultType { return defaultType }
    if let place = Self.fixedPlace(index) { return fixed[place] }
    if let place = Self.variablePlace(index) { return variable[place] }
    return nil
  }

  /// #GP for a reserved bit or memory type, and for a register that is read-only or none of these.
  mutating func write(_ index: UInt32, _ value: UInt64) throws(GeneralProtection) {
    if index == MSRIndex.mtrrDefaultType {
      guard value & ~0xCFF == 0, Self.isType(value & 0xFF) else { throw GeneralProtection() }
      defaultType = value
    } else if let place = Self.fixedPlace(index) {
      for byte in 0..<8 as Range<UInt64> {
        guard Self.isType(value >> (8 * byte) & 0xFF) else { throw GeneralProtection() }
      }
      fixed[place] = value
    } else if let place = Self.variablePlace(index) {
      let isBase = place & 1 == 0
      guard value & reservedAddressBits == 0, isBase ? value & 0xF00 == 0 : value & 0x7FF == 0,
        !isBase || Self.isType(value & 0xFF)
      else { throw GeneralProtection() }
      variable[place] = value
    } else {
      throw GeneralProtection()
    }
  }

  private static func isType(_ value: UInt64) -> Bool {
    value <= 6 && value != 2 && value != 3
  }

  private static func fixedPlace(_ index: UInt32) -> Int? {
    switch index {
    case MSRIndex.fixedMTRR64K: 0
    case MSRIndex.fixedMTRR16K: 1 + Int(index - MSRIndex.fixedMTRR16K.lowerBound)
    case MSRIndex.fixedMTRR4K: 3 + Int(index - MSRIndex.fixedMTRR4K.lowerBound)
    default: nil
    }
  }

  private static func variablePlace(_ index: UInt32) -> Int? {
    MSRIndex.variableMTRRs.contains(index) ? Int(index - MSRIndex.variableMTRRs.lowerBound) : nil
  }
}
