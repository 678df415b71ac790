/// Size of the page that the whole project deals in, in bytes.
public let pageSize: UInt64 = 4096

/// A byte address as the guest's page tables produce it (GPA).
public struct GuestPhysicalAddress: Hashable, Comparable, Sendable {
  public var value: UInt64

  @inline(__always)
  public init(_ value: UInt64) { self.value = value }

  /// The 4 KiB page that holds this address.
  @inline(__always)
  public var page: PageNumber { PageNumber(value >> 12) }

  @inline(__always)
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

  /// The address `bytes` further on; wraps at 2⁶⁴ (a range check precedes every use of the result).
  @inline(__always)
  public static func + (address: Self, bytes: UInt64) -> Self { Self(address.value &+ bytes) }
}

/// A byte address on this node's own memory bus (HPA).
public struct HostPhysicalAddress: Hashable, Comparable, Sendable {
  public var value: UInt64

  @inline(__always)
  public init(_ value: UInt64) { self.value = value }

  @inline(__always)
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

  /// The address `bytes` further on; wraps at 2⁶⁴.
  @inline(__always)
  public static func + (address: Self, bytes: UInt64) -> Self { Self(address.value &+ bytes) }
}

/// An address that the guest's own page tables have yet to translate (GVA).
public struct GuestVirtualAddress: Hashable, Sendable {
  public var value: UInt64

  @inline(__always)
  public init(_ value: UInt64) { self.value = value }
}

/// Number of a 4 KiB guest-physical page: GPA / 4096.
public struct PageNumber: Hashable, Comparable, Sendable {
  public var value: UInt64

  @inline(__always)
  public init(_ value: UInt64) { self.value = value }

  /// The page's first byte.
  @inline(__always)
  public var address: GuestPhysicalAddress { GuestPhysicalAddress(value << 12) }

  @inline(__always)
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}
