import Memory

extension GuestPageWalk {
  /// A table of the lowest level, and what the entries on the way to it grant together: what a paging-structure cache
  /// holds (SDM Vol. 3A, 4.10.3.1).
  struct LastTable {
    let address: UInt64
    let permissions: Permissions
  }

  /// The page that the entry of `table` for an address maps; nil if a walk would fault there, or find the entry not
  /// accessed yet.
  func page<RAM: GuestMemory & ~Copyable>(
    at linear: UInt64, in table: LastTable, memory: inout RAM
  ) -> GuestPage? {
    let width: UInt64 = mode == .bits32 ? 4 : 8
    let index = linear &>> 12 & (mode == .bits32 ? 1023 : 511)
    let required = Entry.present | Entry.accessed
    guard let entry = try? readEntry(GuestPhysicalAddress(table.address &+ index &* width), &memory),
      entry & (required | reservedBits(level: 1, isLeaf: true)) == required
    else { return nil }
    return GuestPage(
      physicalAddress: GuestPhysicalAddress(pageAddress(entry, size: pageSize) | linear & (pageSize - 1)),
      size: pageSize,
      permissions: table.permissions.intersection(
        Permissions(entry: entry, hasExecuteDisable: hasExecuteDisable)),
      isGlobal: hasGlobalPages && entry & Entry.global != 0, isDirty: entry & Entry.dirty != 0)
  }
}
