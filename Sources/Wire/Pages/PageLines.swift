/// Some of the 64 lines of 64 bytes that a page consists of: bit n stands for bytes 64 · n to 64 · n + 63.
public struct PageLines: OptionSet, Hashable, Sendable {
  public let rawValue: UInt64

  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The whole page.
  @inlinable
  public static var all: Self { Self(rawValue: .max) }

  /// The first lines of the page, as many as hold `byteCount` bytes, which is at most 4096.
  @inlinable
  public static func first(byteCount: Int) -> Self {
    precondition(byteCount >= 0 && byteCount <= 64 * lineSize)
    let count = (byteCount + lineSize - 1) / lineSize
    return count == 0 ? [] : Self(rawValue: .max >> UInt64(64 - count))
  }

  /// Bytes in a line.
  @inlinable
  public static var lineSize: Int { 64 }

  @inlinable
  public var count: Int { rawValue.nonzeroBitCount }

  /// The number of the line that has `index` lower ones in the set; 64 where there are not so many.
  public subscript(index: Int) -> Int {
    self == .all ? index : dropping(first: index).rawValue.trailingZeroBitCount
  }

  /// Without the lowest `start` lines, the lowest `count` of the rest.
  @inline(__always)
  func part(from start: Int, count: Int) -> Self {
    let first = UInt64(rawValue.trailingZeroBitCount)
    let run = rawValue >> first
    guard run & (run &+ 1) == 0 else { return dropping(first: start).keeping(first: count) }
    // The ordinary case: neighbours
    let wanted = UInt64.max << UInt64(start) & ~(UInt64.max << UInt64(start + count))
    return Self(rawValue: (run & wanted) << first)
  }

  /// Without the lowest `count` lines.
  private func dropping(first count: Int) -> Self {
    var bits = rawValue
    for _ in 0..<min(count, 64) { bits &= bits &- 1 }
    return Self(rawValue: bits)
  }

  /// The lowest `count` lines alone.
  private func keeping(first count: Int) -> Self { subtracting(dropping(first: count)) }
}
