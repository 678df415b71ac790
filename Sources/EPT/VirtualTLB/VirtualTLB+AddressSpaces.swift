import Memory

extension VirtualTLB where Memory: ~Copyable {
  /// Makes the root active that `paging` calls for.
  mutating func selectRoot() {
    guard paging.mode == .level4 else {
      root = Self.legacyRoot
      return
    }
    let cr3 = paging.cr3 & paging.tableMask
    var chosen = 0
    for space in Self.longModeRoots {
      if spaces[space].cr3 == cr3 {
        chosen = space
        break
      }
      if spaces[space].lastLoad < spaces[chosen].lastLoad { chosen = space }
    }
    if spaces[chosen].cr3 != cr3 {
      empty(chosen)
      linkShared(to: chosen)
      spaces[chosen] = ShadowedAddressSpace(cr3: cr3)
    }
    loads &+= 1
    spaces[chosen].lastLoad = loads
    root = chosen
  }

  /// Drops the address space that has not been active for longest; false if there is none but the active one.
  mutating func evictSpace() -> Bool {
    var oldest: Int?
    for space in Self.longModeRoots where space != root && spaces[space].cr3 != nil {
      if let other = oldest, spaces[other].lastLoad < spaces[space].lastLoad { continue }
      oldest = space
    }
    guard let oldest else { return false }
    empty(oldest)
    spaces[oldest] = ShadowedAddressSpace()
    return true
  }

  /// Has a root without entries refer to all the shared tables.
  private mutating func linkShared(to root: Int) {
    var next = tables.firstLive(in: Self.sharedRoot)
    while let slot = next {
      tables.insert(tables[slot], at: root << 9 | slot & 511)
      next = tables.nextLive(after: slot)
    }
  }
}
