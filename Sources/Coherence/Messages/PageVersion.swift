/// Which contents of a page a copy has: it rises each time that a node begins to write to the page.
///
/// Two copies of the same page and version are the same. Numbers wrap; a copy is never compared with one that is 2³²
/// versions older, since it would have had to survive as many changes of the page's owner.
public struct PageVersion: Hashable, Sendable {
  public var value: UInt32

  @inlinable
  public init(_ value: UInt32) { self.value = value }

  /// Stands for no copy at all.
  @inlinable
  public static var none: Self { Self(0) }

  /// The version of a page that nobody has touched.
  @inlinable
  public static var first: Self { Self(1) }

  @inlinable
  public var next: Self { Self(value == .max ? 1 : value + 1) }
}
