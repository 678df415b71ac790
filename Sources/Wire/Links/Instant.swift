/// A reading of one node's own clock, which counts from some moment before its first reading.
public struct Instant: Hashable, Comparable, Sendable {
  public var nanoseconds: UInt64

  @inlinable
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Later than every reading.
  @inlinable
  public static var never: Self { Self(nanoseconds: .max) }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The instant `nanoseconds` later; `never` beyond the end of time.
  @inlinable
  public static func + (instant: Self, nanoseconds: UInt64) -> Self {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(nanoseconds)
    return overflow ? .never : Self(nanoseconds: sum)
  }

  /// Nanoseconds from `start` to this instant; 0 where this one comes first.
  @inlinable
  public func since(_ start: Self) -> UInt64 {
    nanoseconds > start.nanoseconds ? nanoseconds - start.nanoseconds : 0
  }
}
