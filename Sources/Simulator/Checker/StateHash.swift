/// 128 bits that stand for a state: two of them are the same for different states with a probability of 2⁻¹²⁸ or so.
struct StateHash: Hashable, Comparable {
  var high: UInt64 = 0x9E37_79B9_7F4A_7C15
  var low: UInt64 = 0xC2B2_AE3D_27D4_EB4F

  @inline(__always)
  mutating func add(_ value: UInt64) {
    high = Self.mix(high ^ value)
    low = Self.mix(low &+ value &* 0x9FB2_1C65_1E98_DF25)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    var value = value &+ 0x9E37_79B9_7F4A_7C15
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  static func < (left: Self, right: Self) -> Bool { (left.high, left.low) < (right.high, right.low) }
}
