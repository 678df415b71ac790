import Memory

/// What a shadow leaf maps: a guest-physical page of 4 KiB or of 2 MiB. The reverse map is sorted by these.
///
/// A page number has 40 bits at most; a large page has bit 40 set, and nothing at all bit 41.
struct ShadowedPage: Equatable {
  let rawValue: UInt64

  @inline(__always)
  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The page of `size` that holds `address`, of 52 bits at most.
  @inline(__always)
  init(_ address: GuestPhysicalAddress, _ size: PageSize) {
    let number = address.page.value & ((1 << 40) - 1)
    rawValue = size == .page4K ? number : number & ~511 | 1 << 40
  }

  /// Stands beside an entry that refers to a table.
  static var table: Self { Self(rawValue: 1 << 41) }
}
