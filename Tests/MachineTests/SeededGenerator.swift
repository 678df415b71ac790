/// SplitMix64: the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  /// A number of any magnitude: as often tiny or all ones as large.
  mutating func anyMagnitude() -> UInt64 {
    switch next() % 4 {
    case 0: next() >> (next() % 64)
    case 1: .max &- next() % 16
    case 2: next() % 16
    default: next()
    }
  }
}
