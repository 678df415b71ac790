import Memory

/// What the guest's tables say, above their lowest level, of all that one shadow table of the lowest level translates.
/// All the entries in question are present and accessed.
enum GuestRegion {
  case table(GuestPageWalk.LastTable)
  /// The region is a large page or part of one. The page is given for the region's first byte.
  case page(GuestPage)
}

extension GuestPageWalk {
  /// The region that holds an address, or nil if a walk to anywhere in it would fault or set accessed bits.
  func region<RAM: GuestMemory & ~Copyable>(of linear: UInt64, memory: inout RAM) -> GuestRegion? {
    let start = linear & ~(PageSize.page2M.bytes - 1)
    // A read that SMAP lets pass, so that the walk judges no rights.
    let access = Access(.read, .supervisor(accessControl: true))
    var lastTable: LastTable?
    let translation = try? translate(
      GuestVirtualAddress(start), for: access, through: &lastTable, memory: &memory)
    if let lastTable { return .table(lastTable) }
    guard let translation, translation.updates.count == 0,
      mode == .none || translation.size >= PageSize.page2M.bytes
    else { return nil }
    return .page(GuestPage(translation))
  }

  /// The page at an address of a region, or nil if a walk would fault or set accessed bits.
  func page<RAM: GuestMemory & ~Copyable>(
    at linear: UInt64, in region: GuestRegion, memory: inout RAM
  ) -> GuestPage? {
    switch region {
    case .table(let table):
      return page(at: linear, in: table, memory: &memory)
    case .page(var page):
      page.physicalAddress = page.physicalAddress + (linear & (PageSize.page2M.bytes - 1))
      return page
    }
  }
}
