import Memory

extension VirtualTLB where Memory: ~Copyable {
  /// A permission of a guest-physical page was taken away, or the page has moved to another frame: restricts the
  /// leaves that map it to `permissions`, and drops them without `read`.
  ///
  /// It comes after the change of what `SecondLevelMemory.translate` answers. While the guest executes, `required`
  /// means that its core must drop its translations before the permission counts as taken.
  public mutating func secondLevelChanged(_ page: PageNumber, to permissions: PagePermissions) -> Invalidation
  {
    var invalidation = Invalidation.none
    for size in [PageSize.page4K, .page2M] {
      let page = ShadowedPage(page.address, size)
      var next = tables.firstSlot(inBucketOf: page)
      while let slot = next {
        next = tables.nextSlot(after: slot)
        if tables.page(at: slot) == page { invalidation.formUnion(restrict(slot, to: permissions)) }
      }
    }
    if invalidation == .required {
      refusedAccess = nil
      pendingInvalidation = .required
    }
    return invalidation
  }

  private mutating func restrict(_ slot: Int, to permissions: PagePermissions) -> Invalidation {
    let old = tables[slot]
    var new = old
    if !permissions.contains(.write) { new.subtract([.writable, .dirty]) }
    if !permissions.contains(.execute) { new.insert(.noExecute) }
    if !permissions.contains(.read) {
      tables.remove(slot)
    } else if new != old {
      tables.update(slot, to: new)
    } else {
      return .none
    }
    return .required
  }

  /// Drops whatever the tables hold of the guest's page at an address.
  mutating func drop(_ linear: UInt64) {
    guard paging.mode != .none else { return }
    drop(linear, below: root, at: rootLevel)
    // A 4 MiB page has two entries of level 1.
    if paging.mode == .bits32 { drop(linear ^ PageSize.page2M.bytes, below: root, at: rootLevel) }
    if rootLevel == 3, Self.isUpperHalf(linear) { drop(linear, below: Self.sharedRoot, at: 3) }
  }

  private mutating func drop(_ linear: UInt64, below root: Int, at rootLevel: Int) {
    var table = root
    for level in stride(from: rootLevel, through: 0, by: -1) {
      let slot = ShadowTables<Memory>.slot(table, linear, level)
      let entry = tables[slot]
      guard !entry.isEmpty, !entry.contains(.leaf) else {
        clear(slot)
        return
      }
      table = tables.table(entry)
      if entry.contains(.fragments) {
        empty(table)
        tables.update(slot, to: entry.subtracting(.fragments))
        return
      }
    }
  }

  /// Where the leaf for an address is, if there is one.
  func leafSlot(of linear: UInt64, below root: Int, at rootLevel: Int) -> Int? {
    var table = root
    for level in stride(from: rootLevel, through: 0, by: -1) {
      let slot = ShadowTables<Memory>.slot(table, linear, level)
      let entry = tables[slot]
      guard !entry.contains(.leaf) else { return slot }
      guard !entry.isEmpty else { return nil }
      table = tables.table(entry)
    }
    return nil
  }
}
