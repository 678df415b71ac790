/// The Ethernet that joins the nodes.
enum NetworkSpeed: String, CaseIterable, Sendable {
  case oneGigabit = "1g"
  case tenGigabit = "10g"
  case twentyFiveGigabit = "25g"
  case hundredGigabit = "100g"

  var gigabitsPerSecond: UInt64 {
    switch self {
    case .oneGigabit: 1
    case .tenGigabit: 10
    case .twentyFiveGigabit: 25
    case .hundredGigabit: 100
    }
  }

  /// Bytes of a frame on the wire: at least 60, then FCS, and before it preamble and the gap between frames.
  static func wireBytes(_ count: Int) -> UInt64 { UInt64(max(60, count)) + 24 }

  /// Nanoseconds that a frame takes to be sent.
  func duration(_ count: Int) -> UInt64 {
    (Self.wireBytes(count) * 8 + gigabitsPerSecond - 1) / gigabitsPerSecond
  }

  /// Nanoseconds for as many bytes.
  func duration(bytes: UInt64) -> UInt64 { bytes * 8 / gigabitsPerSecond }
}
