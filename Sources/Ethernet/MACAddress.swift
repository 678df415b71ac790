/// The address of a network interface on its Ethernet (IEEE 802.3, 3.2.3).
public struct MACAddress: Hashable, Comparable, Sendable {
  /// The six bytes as one number, the first on the wire the most significant.
  public let value: UInt64

  /// The low 48 bits of `value`.
  @inlinable
  public init(_ value: UInt64) { self.value = value & 0xFFFF_FFFF_FFFF }

  /// All interfaces on the Ethernet.
  @inlinable
  public static var broadcast: Self { Self(0xFFFF_FFFF_FFFF) }

  /// Whether it names a group of interfaces and not one.
  @inlinable
  public var isGroup: Bool { value >> 40 & 1 != 0 }

  /// Whether a single interface can have it: it is neither nobody's nor a group's.
  @inlinable
  public var isUsable: Bool { value != 0 && !isGroup }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}
