import Memory

extension GuestPageWalk {
  /// Where an address leads, and on which terms.
  public struct Translation: Sendable {
    public let physicalAddress: GuestPhysicalAddress
    /// Bytes of the page, which both addresses share their low bits with.
    public let size: UInt64
    /// What the entries of all levels together grant; what a particular access may do depends on
    /// CR0.WP, CR4.SMEP and CR4.SMAP besides.
    public let permissions: Permissions
    /// Whether the translation outlasts a change of CR3.
    public let isGlobal: Bool
    /// Whether the page's dirty bit is set, or would be by this access.
    public let isDirty: Bool
    /// The accessed and dirty bits that the processor would set, from the top level down.
    public let updates: EntryUpdates

    init(
      physicalAddress: GuestPhysicalAddress, size: UInt64, permissions: Permissions, isGlobal: Bool,
      isDirty: Bool, updates: EntryUpdates
    ) {
      self.physicalAddress = physicalAddress
      self.size = size
      self.permissions = permissions
      self.isGlobal = isGlobal
      self.isDirty = isDirty
      self.updates = updates
    }

    /// A page of an address space without paging.
    init(untranslated address: UInt64) {
      self.init(
        physicalAddress: GuestPhysicalAddress(address), size: pageSize, permissions: .all, isGlobal: false,
        isDirty: true, updates: EntryUpdates())
    }
  }

  /// Access rights of a page.
  public struct Permissions: OptionSet, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let write = Self(rawValue: 1 << 0)
    public static let user = Self(rawValue: 1 << 1)
    public static let execute = Self(rawValue: 1 << 2)
    public static let all = Self(rawValue: 0b111)
  }

  /// An entry in which the processor would set bits.
  public struct EntryUpdate: Equatable, Sendable {
    public var location: GuestPhysicalAddress
    /// What the walk read. To be replaced only while it still stands there, as the processor does.
    public var entry: UInt64
    /// The bits to set, of which at least one is clear in `entry`.
    public var bits: UInt64
    /// Bytes of the entry: 4 or 8.
    public var width: UInt64
  }

  /// At most one update for each level.
  public struct EntryUpdates: Sendable {
    private var locations = InlineArray<4, UInt64>(repeating: 0)
    private var entries = InlineArray<4, UInt64>(repeating: 0)
    private var bits = InlineArray<4, UInt8>(repeating: 0)
    private var width: UInt8 = 0
    public private(set) var count = 0

    /// The update at `index`, which is in `0..<count`.
    public subscript(index: Int) -> EntryUpdate {
      EntryUpdate(
        location: GuestPhysicalAddress(locations[index]), entry: entries[index], bits: UInt64(bits[index]),
        width: UInt64(width))
    }

    mutating func append(_ location: GuestPhysicalAddress, _ entry: UInt64, bits: UInt64, width: UInt64) {
      guard entry & bits != bits else { return }
      locations[count] = location.value
      entries[count] = entry
      self.bits[count] = UInt8(truncatingIfNeeded: bits)
      self.width = UInt8(truncatingIfNeeded: width)
      count += 1
    }
  }
}
