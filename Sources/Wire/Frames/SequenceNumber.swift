/// The number of a frame in one direction of a link: counts from 0 and wraps at 2³².
///
/// Differences are meant to be small: a number is ahead of another if it is less than 2³¹ steps further on.
public struct SequenceNumber: Hashable, Sendable {
  public let value: UInt32

  @inlinable
  public init(_ value: UInt32) { self.value = value }

  /// Steps from `start` up to this number; negative where this one comes first.
  @inlinable
  public func distance(from start: Self) -> Int { Int(Int32(bitPattern: value &- start.value)) }

  @inlinable
  public static func + (number: Self, steps: Int) -> Self {
    Self(number.value &+ UInt32(truncatingIfNeeded: steps))
  }
}
