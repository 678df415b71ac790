/// One boot of a node: frames of another boot are not its own.
///
/// A node chooses it when it boots, so that it differs from those of its earlier boots, and never 0: seconds of the
/// wall clock, or a random number. Incarnations have no order.
public struct Incarnation: Hashable, Sendable {
  public let value: UInt32

  @inlinable
  public init(_ value: UInt32) { self.value = value }

  /// Stands for an incarnation that the sender does not know.
  @inlinable
  public static var none: Self { Self(0) }
}
