import Memory

extension VirtualTLB where Memory: ~Copyable {
  /// Finds out what a page fault on the shadow table means, and fills in a leaf if that is what it takes.
  ///
  /// The guest's accessed and dirty bits are set by locked updates before the second level is asked about the page
  /// itself, and so they are set too when that ends in a violation. They are not set for a fault of the guest's.
  ///
  /// - Parameters:
  ///   - address: The linear address that the intercepted fault reports: EXITINFO2, or the exit qualification.
  ///   - errorCode: The error code that it reports.
  ///   - privilegeLevel: The guest's CPL.
  ///   - accessControl: The guest's EFLAGS.AC.
  public mutating func handlePageFault<Guest: SecondLevelMemory & ~Copyable>(
    at address: GuestVirtualAddress, errorCode: GuestPageWalk.ErrorCode, privilegeLevel: UInt8,
    accessControl: Bool, memory: inout Guest
  ) -> PageFaultOutcome {
    let refused = RefusedAccess(address: address, errorCode: errorCode)
    let isRepeated = refusedAccess == refused
    refusedAccess = nil

    let kind: GuestPageWalk.Access.Kind =
      errorCode.contains(.fetch) ? .execute : errorCode.contains(.write) ? .write : .read
    let privilege: GuestPageWalk.Access.Privilege =
      if errorCode.contains(.user) {
        .user
      } else if privilegeLevel == 3 {
        .implicitSupervisor
      } else {
        .supervisor(accessControl: accessControl)
      }

    let translation: GuestPageWalk.Translation
    do throws(GuestPageWalk.Failure) {
      translation = try paging.translate(
        address, for: GuestPageWalk.Access(kind, privilege), memory: &memory)
    } catch {
      switch error {
      case .pageFault(let code):
        dropIfStale(linear(address), &memory)
        return .guestFault(code, address)
      case .memory(.hole(let table)):
        return .violation(Self.tableViolation(.read, at: table, memory), table)
      case .notCanonical:
        // No processor takes a page fault there; what it cannot have meant goes back to it.
        return .guestFault(errorCode, address)
      }
    }

    for index in 0..<translation.updates.count {
      let update = translation.updates[index]
      switch memory.exchange(update) {
      case .done: break
      case .entryChanged: return .filled
      case .notWritable:
        return .violation(Self.tableViolation(.write, at: update.location, memory), update.location)
      }
    }

    let page = GuestPage(translation)
    let needed: PagePermissions = kind == .write ? .write : kind == .execute ? .execute : .read
    let mapping = memory.translate(page.physicalAddress)
    guard let mapping, mapping.permissions.isSuperset(of: needed.union(.read)) else {
      let violation = SecondLevelViolation(
        access: needed, permissions: mapping?.permissions ?? [], isGuestPageWalk: false)
      return .violation(violation, page.physicalAddress)
    }

    let isUserPage = page.permissions.contains(.user)
    let isOverride =
      isUserPage && kind == .write && privilege != .user && !page.permissions.contains(.write)
    var leaf = leaf(for: page, mapping)
    if isOverride {
      leaf.remove(.user)
      leaf.formUnion([.writable, .dirty])
      if paging.preventsSupervisorExecution { leaf.insert(.noExecute) }
    }
    let isNew = fill(leaf, linear(address), page, mapping)
    if !isNew, errorCode.contains(.present), isUserPage, paging.preventsSupervisorAccess,
      kind != .execute, privilege == .supervisor(accessControl: true)
    {
      // Stale in the processor, or an implicit access: once more will tell.
      guard !isRepeated else { return .guestFault(errorCode, address) }
      refusedAccess = refused
      pendingInvalidation = .required
    }
    return isOverride && paging.preventsSupervisorAccess ? .filledForOneInstruction : .filled
  }

  private static func tableViolation<Guest: SecondLevelMemory & ~Copyable>(
    _ access: PagePermissions, at table: GuestPhysicalAddress, _ memory: borrowing Guest
  ) -> SecondLevelViolation {
    SecondLevelViolation(
      access: access, permissions: memory.translate(table)?.permissions ?? [], isGuestPageWalk: true)
  }

  /// The leaf that grants all that the guest's tables and the second level together do.
  private func leaf(for page: GuestPage, _ mapping: Mapping) -> ShadowEntry {
    var leaf = rights(page).union([.present, .accessed, .leaf])
    if !mapping.permissions.contains(.write) { leaf.subtract([.writable, .dirty]) }
    if !mapping.permissions.contains(.execute) { leaf.insert(.noExecute) }
    if page.isGlobal { leaf.insert(.global) }
    switch mapping.memoryType {
    case .writeBack: break
    case .writeThrough: leaf.insert(.writeThrough)
    // The PAT after reset has no other type: uncacheable is right for all of them, if slow.
    case .uncacheable, .writeCombining, .writeProtected: leaf.formUnion([.cacheDisable, .writeThrough])
    }
    return leaf
  }

  /// What the guest's tables grant, in a leaf's terms.
  func rights(_ page: GuestPage) -> ShadowEntry {
    let guest = page.permissions
    var rights: ShadowEntry = guest.contains(.user) ? .user : []
    let isWritable =
      guest.contains(.write) || !guest.contains(.user) && !paging.isWriteProtected
    if isWritable, page.isDirty { rights.formUnion([.writable, .dirty]) }
    if !guest.contains(.execute) { rights.insert(.noExecute) }
    return rights
  }
}
