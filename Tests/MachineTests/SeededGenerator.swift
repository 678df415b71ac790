import Support

extension SeededGenerator {
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
