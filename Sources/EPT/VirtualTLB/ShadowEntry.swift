import Memory

/// An entry of a shadow table: what the processor reads in long mode and, below the root, in PAE mode too
/// (SDM Vol. 3A, 4.4.2 and 4.5.4; APM Vol. 2, 5.2.3 and 5.3).
///
///     63   62     52 51                    12 11   9  8  7  6  5   4   3   2  1  0
///     ┌───┬─────────┬────────────────────────┬──────┬──┬──┬──┬──┬───┬───┬───┬──┬──┐
///     │NX │    0    │ address                │ ours │0 │L │D │A │PCD│PWT│U/S│RW│P │
///     └───┴─────────┴────────────────────────┴──────┴──┴──┴──┴──┴───┴───┴───┴──┴──┘
///
/// The processor ignores bits 11:9. No entry is global for it (bit 8), and so CR4.PGE has no effect. A is set from the
/// start, and so is D where RW is, for the processor would otherwise have to set them.
struct ShadowEntry: OptionSet {
  let rawValue: UInt64

  static let present = Self(rawValue: 1 << 0)
  static let writable = Self(rawValue: 1 << 1)
  static let user = Self(rawValue: 1 << 2)
  static let writeThrough = Self(rawValue: 1 << 3)
  static let cacheDisable = Self(rawValue: 1 << 4)
  static let accessed = Self(rawValue: 1 << 5)
  static let dirty = Self(rawValue: 1 << 6)
  static let large = Self(rawValue: 1 << 7)
  static let noExecute = Self(rawValue: 1 << 63)

  /// Ours: the entry maps guest memory and stands in the reverse map.
  static let leaf = Self(rawValue: 1 << 9)
  /// Ours, in a leaf: the guest's page is global.
  static let global = Self(rawValue: 1 << 10)
  /// Ours, in an entry of a root: the table belongs to the shared root.
  static let shared = Self(rawValue: 1 << 10)
  /// Ours, in an entry for a table: parts of a guest page that is at least as large as what the entry spans may be
  /// below.
  static let fragments = Self(rawValue: 1 << 11)

  /// An entry for a table below a root of long mode or below another table. It grants everything.
  static func table(_ table: HostPhysicalAddress) -> Self {
    Self(rawValue: table.value).union([.present, .writable, .user, .accessed])
  }

  /// A page-directory-pointer-table entry of PAE paging, which has no permissions (SDM Vol. 3A, 4.4.1).
  static func pageDirectory(_ table: HostPhysicalAddress) -> Self {
    Self(rawValue: table.value).union(.present)
  }

  /// The table or page that the entry refers to.
  @inline(__always)
  var address: HostPhysicalAddress { HostPhysicalAddress(rawValue & 0x000F_FFFF_FFFF_F000) }

  /// Whether a leaf grants anything that another leaf of the same page does not. A user's page and a supervisor's
  /// each do: SMEP and SMAP guard the one against supervisors, the other is closed to users.
  @inline(__always)
  func grants(moreThan other: Self) -> Bool {
    symmetricDifference(other).contains(.user) || subtracting(other).contains(.writable)
      || other.subtracting(self).contains(.noExecute)
  }

  /// The bits of a leaf that select its memory type.
  @inline(__always)
  var memoryType: Self { intersection([.writeThrough, .cacheDisable]) }
}
