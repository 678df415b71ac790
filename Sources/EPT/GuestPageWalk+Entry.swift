import Memory

// The format of paging-structure entries (SDM Vol. 3A, 4.3 to 4.5, tables 4-3 to 4-20).

extension GuestPageWalk {
  enum Entry {
    static let present: UInt64 = 1 << 0
    static let writable: UInt64 = 1 << 1
    static let user: UInt64 = 1 << 2
    static let accessed: UInt64 = 1 << 5
    static let dirty: UInt64 = 1 << 6
    /// In an entry that could also refer to a table: maps a page.
    static let pageSize: UInt64 = 1 << 7
    static let global: UInt64 = 1 << 8
    static let executeDisable: UInt64 = 1 << 63
  }

  /// Ones in bits `range`, which ends before 64.
  private static func bits(_ range: Range<UInt64>) -> UInt64 {
    ~0 &<< range.lowerBound & ~(~0 &<< range.upperBound)
  }

  /// Bits of an entry, or of CR3, that hold a table's address.
  var tableMask: UInt64 { Self.bits(12..<processor.physicalAddressWidth) }

  func isLeaf(_ entry: UInt64, level: Int) -> Bool {
    switch level {
    case 1: true
    case 2: entry & Entry.pageSize != 0 && (mode != .bits32 || hasPageSizeExtension)
    case 3: entry & Entry.pageSize != 0 && processor.hasGigabytePages
    default: false
    }
  }

  /// Bits that must be zero in a present entry.
  func reservedBits(level: Int, isLeaf: Bool) -> UInt64 {
    let width = processor.physicalAddressWidth
    guard mode != .bits32 else {
      // PSE-36 keeps address bits 39:32 in bits 20:13.
      return level == 2 && isLeaf ? Self.bits(min(width, 40) - 19..<22) : 0
    }
    var reserved = Self.bits(width..<(mode == .pae ? 63 : 52))
    if !hasExecuteDisable { reserved |= Entry.executeDisable }
    switch level {
    case 4:
      reserved |= Entry.pageSize
      if processor.reservesGlobalBitOfPML4 { reserved |= Entry.global }
    case 3: reserved |= isLeaf ? Self.bits(13..<30) : Entry.pageSize
    case 2 where isLeaf: reserved |= Self.bits(13..<21)
    default: break
    }
    return reserved
  }

  /// First byte of the page that a leaf maps.
  func pageAddress(_ entry: UInt64, size: UInt64) -> UInt64 {
    guard mode == .bits32 else { return entry & tableMask & ~(size - 1) }
    let address = entry & 0xFFFF_FFFF & ~(size - 1)
    return size == pageSize ? address : address | (entry & Self.bits(13..<21)) << 19
  }
}

extension GuestPageWalk.Permissions {
  /// What one entry grants.
  init(entry: UInt64, hasExecuteDisable: Bool) {
    self = []
    if entry & GuestPageWalk.Entry.writable != 0 { insert(.write) }
    if entry & GuestPageWalk.Entry.user != 0 { insert(.user) }
    if entry & GuestPageWalk.Entry.executeDisable == 0 || !hasExecuteDisable { insert(.execute) }
  }
}
