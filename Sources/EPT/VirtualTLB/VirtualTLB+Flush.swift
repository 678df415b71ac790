import Memory

extension VirtualTLB where Memory: ~Copyable {
  /// The guest has loaded CR3, by a MOV or a task switch: drops every stale translation that is not global.
  ///
  /// - Parameter paging: How paging is set up now; beside CR3 and the PDPTE registers, as before.
  public mutating func loadCR3<Guest: SecondLevelMemory & ~Copyable>(
    _ paging: GuestPageWalk, memory: inout Guest
  ) {
    guard paging.mode == self.paging.mode else { return setPaging(paging, memory: &memory) }
    refusedAccess = nil
    pendingInvalidation = .required
    self.paging = paging
    selectRoot()
    revalidate(root, at: rootLevel, &memory)
    if rootLevel == 3, !paging.hasGlobalPages { revalidate(Self.sharedRoot, at: 3, &memory) }
  }

  /// The guest has changed CR0, CR4 or EFER, and CR3 perhaps with them: drops every translation that could be wrong
  /// now, global ones included. Nothing happens if nothing that concerns paging has changed.
  public mutating func setPaging<Guest: SecondLevelMemory & ~Copyable>(
    _ paging: GuestPageWalk, memory: inout Guest
  ) {
    let old = self.paging
    self.paging = paging
    if paging.mode != old.mode || paging.processor != old.processor {
      refusedAccess = nil
      pendingInvalidation = .required
      reset()
      selectRoot()
    } else if !paging.hasSameTerms(as: old) {
      selectRoot()
      revalidate(memory: &memory)
    }
  }

  /// Drops every translation that the guest's tables do not justify now, global ones included.
  public mutating func revalidate<Guest: SecondLevelMemory & ~Copyable>(memory: inout Guest) {
    refusedAccess = nil
    pendingInvalidation = .required
    revalidate(root, at: rootLevel, &memory)
    if rootLevel == 3 { revalidate(Self.sharedRoot, at: 3, &memory) }
  }

  /// The guest has executed INVLPG.
  public mutating func invalidatePage(at address: GuestVirtualAddress) {
    refusedAccess = nil
    drop(linear(address))
  }

  /// Drops what there is for an address if a walk does not justify it: a page fault that the guest gets to see does
  /// that, too (SDM Vol. 3A, 4.10.4.1).
  mutating func dropIfStale<Guest: SecondLevelMemory & ~Copyable>(_ linear: UInt64, _ memory: inout Guest) {
    dropIfStale(linear, below: root, at: rootLevel, &memory)
    if rootLevel == 3, Self.isUpperHalf(linear) {
      dropIfStale(linear, below: Self.sharedRoot, at: 3, &memory)
    }
  }

  private mutating func dropIfStale<Guest: SecondLevelMemory & ~Copyable>(
    _ linear: UInt64, below root: Int, at rootLevel: Int, _ memory: inout Guest
  ) {
    guard let slot = leafSlot(of: linear, below: root, at: rootLevel) else { return }
    let region = paging.region(of: linear, memory: &memory)
    if guestPage(justifying: slot, at: linear, in: region, &memory) == nil { drop(linear) }
  }

  /// Drops what a walk does not justify below a root.
  private mutating func revalidate<Guest: SecondLevelMemory & ~Copyable>(
    _ root: Int, at level: Int, _ memory: inout Guest
  ) {
    spaces[root].checks &+= 1
    let dropsUnused = spaces[root].checks % Self.checksUntilDrop == 0
    _ = revalidate(root, at: level, from: 0, dropsUnused: dropsUnused, &memory)
  }

  /// How many checks a leaf that is not used stays, at least; at most it is twice as many. A processor pays for
  /// setting an accessed bit, and so this is more than 1.
  private static var checksUntilDrop: UInt64 { 8 }

  /// Drops the leaves below a table of `level` that a walk does not justify and, if told so, those not accessed since
  /// it was last told. The first entry of the table is for the address `start`.
  ///
  /// Tables that this leaves empty go, too. Returns the size of the largest guest page of which a part is left.
  private mutating func revalidate<Guest: SecondLevelMemory & ~Copyable>(
    _ table: Int, at level: Int, from start: UInt64, dropsUnused: Bool, _ memory: inout Guest
  ) -> UInt64 {
    var largest: UInt64 = 0
    var region: GuestRegion?
    var hasRegion = false
    var next = tables.firstLive(in: table)
    while let slot = next {
      next = tables.nextLive(after: slot)
      let entry = tables[slot]
      let linear = start | ShadowTables<Memory>.linear(slot & 511, level)
      if entry.contains(.leaf) {
        if level > 0 || !hasRegion {
          region = paging.region(of: linear, memory: &memory)
          hasRegion = true
        }
        if dropsUnused, !entry.contains(.accessed) {
          clear(slot)
        } else if let page = guestPage(justifying: slot, at: linear, in: region, &memory) {
          if dropsUnused { tables.update(slot, to: entry.subtracting(.accessed)) }
          largest = max(largest, page.size)
        } else {
          clear(slot)
        }
      } else if !entry.contains(.shared) || table == Self.sharedRoot {
        let size = revalidate(
          tables.table(entry), at: level - 1, from: linear, dropsUnused: dropsUnused, &memory)
        markFragments(slot, at: level, of: size)
        largest = max(largest, size)
        // The tables below the shared root are linked elsewhere, too, and those of the legacy root stay.
        let isFixed = table == Self.sharedRoot || table == Self.legacyRoot
        if !isFixed, tables.firstLive(in: tables.table(entry)) == nil { clear(slot) }
      }
    }
    return largest
  }

  /// The guest's page at an address, or nil if the guest's tables do not grant, without a change, all that the leaf
  /// does: present, accessed, and dirty where it is writable.
  private func guestPage<Guest: SecondLevelMemory & ~Copyable>(
    justifying slot: Int, at linear: UInt64, in region: GuestRegion?, _ memory: inout Guest
  ) -> GuestPage? {
    guard let region, let page = paging.page(at: linear, in: region, memory: &memory) else { return nil }
    let leaf = tables[slot]
    let size: PageSize = leaf.contains(.large) ? .page2M : .page4K
    guard ShadowedPage(page.physicalAddress, size) == tables.page(at: slot),
      size == .page4K || isLarge(page),
      !leaf.contains(.global) || page.isGlobal || !paging.hasGlobalPages,
      !leaf.grants(moreThan: rights(page))
    else { return nil }
    return page
  }
}
