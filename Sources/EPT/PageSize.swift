/// How much one leaf maps. The raw value is the level of the table that the leaf stands in: 0 is the lowest.
public enum PageSize: Int, Comparable, Sendable {
  case page4K = 0
  case page2M
  case page1G

  /// Bytes of one page.
  @inline(__always)
  public var bytes: UInt64 { 1 &<< UInt64(truncatingIfNeeded: 12 &+ 9 &* rawValue) }

  @inline(__always)
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
