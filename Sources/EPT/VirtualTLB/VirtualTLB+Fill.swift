import Memory

extension VirtualTLB where Memory: ~Copyable {
  /// Where the root has its entries: 3 in long mode, else 2.
  @inline(__always)
  var rootLevel: Int { root == Self.legacyRoot ? 2 : 3 }

  /// What of an address is translated: outside long mode, 32 bits.
  @inline(__always)
  func linear(_ address: GuestVirtualAddress) -> UInt64 {
    rootLevel == 3 ? address.value : address.value & 0xFFFF_FFFF
  }

  /// Maps the page of `linear`; false if the same leaf was there.
  ///
  /// If there is no table left for it, nothing is mapped, but the next attempt will find some.
  mutating func fill(
    _ leaf: ShadowEntry, _ linear: UInt64, _ guest: GuestPage, _ mapping: Mapping
  ) -> Bool {
    let isLarge = mapping.size >= .page2M && self.isLarge(guest)
    let size: PageSize = isLarge ? .page2M : .page4K
    let page = ShadowedPage(guest.physicalAddress, size)
    let frame = mapping.host.value & ~(size.bytes &- 1)
    let leaf = leaf.union(ShadowEntry(rawValue: frame)).union(isLarge ? .large : [])
    guard let slot = slot(for: linear, size.rawValue, guest.size, isGlobal: leaf.contains(.global))
    else {
      makeRoom()
      return true
    }

    let old = tables[slot]
    if old.contains(.leaf), tables.page(at: slot) == page {
      let isOther = old.memoryType != leaf.memoryType
      if isOther || old.grants(moreThan: leaf) { pendingInvalidation = .required }
      tables.update(slot, to: leaf)
      counters.fills &+= 1
      return isOther || old.grants(moreThan: leaf) || leaf.grants(moreThan: old)
    }
    if !old.isEmpty { clear(slot) }
    tables.insert(leaf, at: slot, mapping: page)
    counters.fills &+= 1
    return true
  }

  /// Whether the guest's page is good for a 2 MiB leaf.
  func isLarge(_ page: GuestPage) -> Bool {
    page.size >= PageSize.page2M.bytes || paging.mode == .none
  }

  /// Marks an entry of `level` for a table below which a part of a guest page of `size` is, if INVLPG has to know.
  @inline(__always)
  mutating func markFragments(_ slot: Int, at level: Int, of size: UInt64) {
    guard size >= ShadowTables<Memory>.span(of: level) else { return }
    tables.update(slot, to: tables[slot].union(.fragments))
  }

  /// The slot of `level` for the leaf of a linear address, with all the tables on the way to it, or nil if there are
  /// too few.
  @inline(__always)
  private mutating func slot(
    for linear: UInt64, _ level: Int, _ guestPageSize: UInt64, isGlobal: Bool
  ) -> Int? {
    // A leaf is no table, and a shared table no place for a page that is not global.
    let misfits: ShadowEntry = isGlobal ? .leaf : [.leaf, .shared]
    var table = root
    var current = rootLevel
    while current > level {
      let slot = ShadowTables<Memory>.slot(table, linear, current)
      var entry = tables[slot]
      if entry.isEmpty || !entry.isDisjoint(with: misfits) {
        clear(slot)
        let isShared = current == 3 && isGlobal && Self.isUpperHalf(linear)
        guard let new = isShared ? sharedEntry(slot & 511) : newTable() else { return nil }
        tables.insert(new, at: slot)
        entry = new
      }
      markFragments(slot, at: current, of: guestPageSize)
      table = tables.table(entry)
      current &-= 1
    }
    return ShadowTables<Memory>.slot(table, linear, level)
  }

  static func isUpperHalf(_ linear: UInt64) -> Bool { linear >> 63 != 0 }

  private mutating func newTable() -> ShadowEntry? {
    guard let table = tables.allocate() else { return nil }
    return .table(tables.address(of: table))
  }

  /// The entry by which roots refer to the shared table of an index in the upper half.
  private mutating func sharedEntry(_ index: Int) -> ShadowEntry? {
    let slot = Self.sharedRoot << 9 | index
    if !tables[slot].isEmpty { return tables[slot] }
    guard let entry = newTable()?.union(.shared) else { return nil }
    tables.insert(entry, at: slot)
    return entry
  }

  /// Empties a slot and retires the tables that only it led to.
  mutating func clear(_ slot: Int) {
    let entry = tables[slot]
    guard !entry.isEmpty else { return }
    tables.remove(slot)
    pendingInvalidation = .required
    // The entries of the shared root itself lead to tables that are shared, too.
    if !entry.contains(.leaf), !entry.contains(.shared) || slot >> 9 == Self.sharedRoot {
      let table = tables.table(entry)
      empty(table)
      tables.retire(table)
    }
  }

  /// Empties a table.
  mutating func empty(_ table: Int) {
    while let slot = tables.firstLive(in: table) { clear(slot) }
  }

  /// Drops what has not been used for longest, for want of tables.
  private mutating func makeRoom() {
    while tables.retiredCount == 0, evictSpace() { counters.evictions &+= 1 }
    if tables.retiredCount == 0 {
      reset()
      counters.exhaustions &+= 1
    }
  }

  /// Empties everything, and keeps the active address space alone.
  mutating func reset() {
    for space in Self.longModeRoots {
      empty(space)
      if space != root { spaces[space] = ShadowedAddressSpace() }
    }
    empty(Self.sharedRoot)
    for index in 0..<4 { empty(tables.table(tables[Self.legacyRoot << 9 | index])) }
  }
}
