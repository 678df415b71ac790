/// Whether processors may still hold translations that a change to a page table has made wrong.
public enum Invalidation: Sendable {
  /// Nothing that is cached can be wrong. A core may still take one violation that the table no longer
  /// justifies; taking it drops what that core had cached.
  case none

  /// Every core that may have walked the table must drop its second-level translations (INVEPT, or an ASID
  /// flush under SVM) before a frame that was unmapped, or a table that was retired, is used for anything else.
  case required

  /// Adds what a further change needs.
  @inline(__always)
  public mutating func formUnion(_ other: Self) {
    if other == .required { self = .required }
  }
}
