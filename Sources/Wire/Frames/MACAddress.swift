/// The address of a network interface on its Ethernet.
public struct MACAddress: Hashable, Comparable, Sendable {
  /// The six bytes as one number, the first on the wire the most significant.
  public let value: UInt64

  /// The low 48 bits of `value`.
  @inlinable
  public init(_ value: UInt64) { self.value = value & 0xFFFF_FFFF_FFFF }

  /// All interfaces on the Ethernet.
  @inlinable
  public static var broadcast: Self { Self(0xFFFF_FFFF_FFFF) }

  /// Whether it names a group of interfaces and not one (IEEE 802.3, 3.2.3).
  @inlinable
  public var isGroup: Bool { value >> 40 & 1 != 0 }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

extension Span<UInt8> {
  /// The address at `offset`, where there are six bytes.
  @inline(__always)
  func macAddress(at offset: Int) -> MACAddress {
    let first = uint32(at: offset).byteSwapped
    let last = uint16(at: offset + 4).byteSwapped
    return MACAddress(UInt64(first) << 16 | UInt64(last))
  }
}

extension MutableSpan<UInt8> {
  /// Stores `address` at `offset`, where there is room for six bytes.
  @inline(__always)
  mutating func put(_ address: MACAddress, at offset: Int) {
    put(UInt32(truncatingIfNeeded: address.value >> 16).byteSwapped, at: offset)
    put(UInt16(truncatingIfNeeded: address.value).byteSwapped, at: offset + 4)
  }
}
