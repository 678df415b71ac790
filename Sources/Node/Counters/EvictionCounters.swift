/// What a node has done since its frames, or those of others, were few.
public struct EvictionCounters: Equatable, Sendable {
  /// Evictions of copies that were begun.
  public internal(set) var evictions: UInt64 = 0
  /// Evictions that came to nothing, since there was no room elsewhere.
  public internal(set) var refusals: UInt64 = 0
  /// Stale copies whose frame was freed.
  public internal(set) var forgottenCopies: UInt64 = 0
  /// Pages that this node has asked for because others had no room for them.
  public internal(set) var adoptions: UInt64 = 0

  public init() {}
}
