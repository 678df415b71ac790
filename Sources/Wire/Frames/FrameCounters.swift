/// How many frames were dropped, by reason.
public struct FrameCounters: Sendable {
  @usableFromInline var counts = InlineArray<16, UInt64>(repeating: 0)

  @inlinable
  public init() {}

  @inlinable
  public subscript(error: FrameError) -> UInt64 { counts[Int(error.rawValue)] }

  @inlinable
  public mutating func count(_ error: FrameError) { counts[Int(error.rawValue)] &+= 1 }

  /// All dropped frames.
  public var total: UInt64 {
    var sum: UInt64 = 0
    for index in 0..<FrameError.count { sum &+= counts[index] }
    return sum
  }
}
