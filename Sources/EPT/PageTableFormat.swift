import Memory

/// How a processor family encodes the 64-bit entries of its second-level page tables.
///
/// The walker (`PageTable`) knows four levels of 512 entries and nothing of their bits. It relies on this:
/// zero is not present; so is any 4 KiB-aligned number (it keeps links in retired tables); an entry's address
/// bits stand where the address has them, so that adding a page's size to an entry makes the next page's; an
/// entry for a table grants everything, so that the leaf alone decides; and no processor writes to an entry.
public protocol PageTableFormat: Sendable {
  /// One past the highest host-physical address that an entry can hold: 2 to the physical-address width.
  var hostAddressLimit: UInt64 { get }

  /// The largest leaf that the processor supports; it supports the smaller ones too.
  var largestPage: PageSize { get }

  /// Whether a leaf can grant exactly these permissions.
  func canEncode(_ permissions: PagePermissions) -> Bool

  /// Whether a leaf can have this memory type.
  func canEncode(_ memoryType: MemoryType) -> Bool

  static func isPresent(_ entry: UInt64) -> Bool

  /// Whether a present entry above the lowest level is a leaf rather than a reference to a table.
  static func isLargePage(_ entry: UInt64) -> Bool

  /// The entry that refers to the next lower table.
  static func encode(table: HostPhysicalAddress) -> UInt64

  /// The entry for one leaf: permissions and type pass `canEncode`, the address is a multiple of the size.
  static func encode(_ leaf: Mapping) -> UInt64

  /// The leaf that `encode(_:)` made `entry` from.
  static func decode(_ entry: UInt64, _ size: PageSize) -> Mapping
}

extension PageTableFormat {
  /// Bits 51:12, where every format keeps the address.
  @inline(__always)
  static var addressMask: UInt64 { 0x000F_FFFF_FFFF_F000 }

  /// The table that `encode(table:)` made `entry` from.
  @inline(__always)
  static func table(_ entry: UInt64) -> HostPhysicalAddress { HostPhysicalAddress(entry & addressMask) }

  /// The first byte of the leaf that `entry` maps.
  @inline(__always)
  static func frame(_ entry: UInt64, _ size: PageSize) -> HostPhysicalAddress {
    HostPhysicalAddress(entry & addressMask & ~(size.bytes &- 1))
  }

  /// `hostAddressLimit` for a width as CPUID reports it; entries end at bit 51 whatever it says.
  static func addressLimit(width: UInt8) -> UInt64 { 1 << UInt64(min(width, 52)) }
}
