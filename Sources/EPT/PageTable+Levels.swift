import Memory

// The arithmetic of levels: an entry of level n spans 2^(12 + 9n) bytes.

extension PageTable where Memory: ~Copyable {
  static var rootLevel: Int { 3 }

  /// One past the highest guest-physical address that the tables translate.
  static var guestAddressLimit: UInt64 { 1 << 48 }

  static var entriesPerTable: UInt64 { 512 }

  /// Bytes that one entry of `level` translates.
  @inline(__always)
  static func span(of level: Int) -> UInt64 { 1 &<< shift(of: level) }

  /// The lowest address bit that selects an entry of `level`.
  @inline(__always)
  private static func shift(of level: Int) -> UInt64 { UInt64(truncatingIfNeeded: 12 &+ 9 &* level) }

  @inline(__always)
  static func index(of address: UInt64, at level: Int) -> UInt64 {
    address &>> shift(of: level) & (entriesPerTable - 1)
  }

  /// Where a table of `level` keeps the entry for `address`.
  @inline(__always)
  static func slot(of address: UInt64, in table: HostPhysicalAddress, at level: Int) -> HostPhysicalAddress {
    slot(index(of: address, at: level), in: table)
  }

  @inline(__always)
  static func slot(_ index: UInt64, in table: HostPhysicalAddress) -> HostPhysicalAddress {
    table + index &* 8
  }

  /// The leaf in an entry of `level`, or nil where the entry is none.
  @inline(__always)
  static func leaf(_ entry: UInt64, at level: Int) -> Mapping? {
    guard Format.isPresent(entry), level == 0 || Format.isLargePage(entry) else { return nil }
    return PageSize(rawValue: level).map { Format.decode(entry, $0) }
  }

  /// Whether an entry of `level` refers to a table.
  @inline(__always)
  static func isTable(_ entry: UInt64, at level: Int) -> Bool {
    level > 0 && Format.isPresent(entry) && !Format.isLargePage(entry)
  }

  /// The part of `range` that begins at `address` and that one entry of `level` spans.
  @inline(__always)
  static func part(of range: Range<UInt64>, from address: UInt64, at level: Int) -> Range<UInt64> {
    address..<min((address | (span(of: level) &- 1)) &+ 1, range.upperBound)
  }

  /// The bounds of a range as numbers, once they are found to be what tables can deal in.
  static func checked(_ range: Range<GuestPhysicalAddress>) throws(PageTableError) -> Range<UInt64> {
    let bytes = range.lowerBound.value..<range.upperBound.value
    guard (bytes.lowerBound | bytes.upperBound) & (pageSize - 1) == 0 else { throw .misaligned }
    guard bytes.upperBound <= guestAddressLimit else { throw .guestAddressOutOfRange }
    return bytes
  }
}
