/// What a virtual TLB has done since it was made.
public struct VirtualTLBCounters: Equatable, Sendable {
  /// Page faults that ended in a shadow entry.
  public var fills: UInt64 = 0
  /// Address spaces that were dropped because the tables ran out.
  public var evictions: UInt64 = 0
  /// Times that everything was dropped because the tables ran out.
  public var exhaustions: UInt64 = 0
}
