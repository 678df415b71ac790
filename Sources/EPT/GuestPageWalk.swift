import Memory

/// Translates guest-virtual addresses as the guest's own page tables say, for the hyperkernel's own accesses
/// on the guest's behalf.
///
/// It does what the processor does (SDM Vol. 3A, chapter 4): picks the paging mode from the control
/// registers, reads one entry per level, and stops at the first that is not present or has a reserved bit
/// set. Only a walk that reaches a page is judged by access rights: those of all levels together. Either
/// there is a translation, or exactly the page fault that the processor would raise. Entries are read and
/// never written; which accessed and dirty bits the processor would have set is part of the translation, for
/// the caller to carry out or not.
///
/// Relied on: the guest is offered neither five-level paging nor protection keys nor shadow stacks, so
/// that CR4 cannot turn them on; and the processor has PSE-36 and the page attribute table, as every
/// processor with second-level paging does.
public struct GuestPageWalk: Sendable {
  public let mode: Mode
  public let cr3: UInt64
  public let processor: Processor
  /// The PDPTE registers, which PAE paging starts from; of no account in other modes.
  public let pageDirectoryPointers: InlineArray<4, UInt64>

  let isWriteProtected: Bool
  let hasPageSizeExtension: Bool
  let hasGlobalPages: Bool
  let hasExecuteDisable: Bool
  let preventsSupervisorExecution: Bool
  let preventsSupervisorAccess: Bool

  /// The guest's registers as they are, and the processor that it was told it has.
  ///
  /// Under PAE paging `pageDirectoryPointers` are the guest's PDPTE registers: the VMCS has them, and
  /// `pageDirectoryPointers(cr3:processor:memory:)` loads them.
  public init(
    cr0: UInt64, cr3: UInt64, cr4: UInt64, efer: UInt64, processor: Processor,
    pageDirectoryPointers: InlineArray<4, UInt64> = InlineArray(repeating: 0)
  ) {
    mode = Mode(cr0: cr0, cr4: cr4, efer: efer)
    self.cr3 = cr3
    self.processor = processor
    self.pageDirectoryPointers = pageDirectoryPointers
    isWriteProtected = cr0 & 1 << 16 != 0
    hasPageSizeExtension = cr4 & 1 << 4 != 0
    hasGlobalPages = cr4 & 1 << 7 != 0
    hasExecuteDisable = cr4 & 1 << 5 != 0 && efer & 1 << 11 != 0
    preventsSupervisorExecution = cr4 & 1 << 20 != 0
    preventsSupervisorAccess = cr4 & 1 << 21 != 0
  }

  /// Translates `address`, of which only the low 32 bits count in all modes but 4-level paging.
  public func translate<RAM: GuestMemory & ~Copyable>(
    _ address: GuestVirtualAddress, for access: Access, memory: inout RAM
  ) throws(Failure) -> Translation {
    var lastTable: LastTable?
    return try translate(address, for: access, through: &lastTable, memory: &memory)
  }

  /// Translates `address` and sets `lastTable` if the walk comes as far and finds every entry above accessed.
  func translate<RAM: GuestMemory & ~Copyable>(
    _ address: GuestVirtualAddress, for access: Access, through lastTable: inout LastTable?,
    memory: inout RAM
  ) throws(Failure) -> Translation {
    switch mode {
    case .none:
      return Translation(untranslated: address.value & 0xFFFF_FFFF)
    case .bits32:
      return try walk(
        address.value & 0xFFFF_FFFF, access, fromTable: cr3 & 0xFFFF_F000, level: 2, &lastTable, &memory)
    case .pae:
      let linear = address.value & 0xFFFF_FFFF
      let pointer = pageDirectoryPointers[Int(linear >> 30)]
      guard pointer & Entry.present != 0 else { throw .pageFault(faultCode(access)) }
      return try walk(linear, access, fromTable: pointer & tableMask, level: 2, &lastTable, &memory)
    case .level4:
      let sign = Int64(bitPattern: address.value) >> 47
      guard sign == 0 || sign == -1 else { throw .notCanonical }
      return try walk(address.value, access, fromTable: cr3 & tableMask, level: 4, &lastTable, &memory)
    }
  }

  private func walk<RAM: GuestMemory & ~Copyable>(
    _ linear: UInt64, _ access: Access, fromTable table: UInt64, level topLevel: Int,
    _ lastTable: inout LastTable?, _ memory: inout RAM
  ) throws(Failure) -> Translation {
    let entryWidth: UInt64 = mode == .bits32 ? 4 : 8
    let indexWidth: UInt64 = mode == .bits32 ? 10 : 9
    var table = table
    var level = topLevel
    var permissions: Permissions = .all
    var updates = EntryUpdates()
    while true {
      // What lies below the index of this level: the offset, where the entry maps a page.
      let shift = 12 &+ indexWidth &* UInt64(truncatingIfNeeded: level &- 1)
      let index = linear &>> shift & (1 &<< indexWidth &- 1)
      let location = GuestPhysicalAddress(table &+ index &* entryWidth)
      let entry = try readEntry(location, &memory)
      guard entry & Entry.present != 0 else { throw .pageFault(faultCode(access)) }
      let isLeaf = self.isLeaf(entry, level: level)
      guard entry & reservedBits(level: level, isLeaf: isLeaf) == 0 else {
        throw .pageFault(faultCode(access).union([.present, .reserved]))
      }
      permissions.formIntersection(Permissions(entry: entry, hasExecuteDisable: hasExecuteDisable))
      guard isLeaf else {
        updates.append(location, entry, bits: Entry.accessed, width: entryWidth)
        table = entry & tableMask
        level -= 1
        if level == 1, updates.count == 0 {
          lastTable = LastTable(address: table, permissions: permissions)
        }
        continue
      }
      guard allows(access, permissions) else { throw .pageFault(faultCode(access).union(.present)) }
      let isWrite = access.kind == .write
      updates.append(
        location, entry, bits: Entry.accessed | (isWrite ? Entry.dirty : 0), width: entryWidth)
      let size: UInt64 = 1 &<< shift
      return Translation(
        physicalAddress: GuestPhysicalAddress(pageAddress(entry, size: size) | linear & (size - 1)),
        size: size, permissions: permissions, isGlobal: hasGlobalPages && entry & Entry.global != 0,
        isDirty: isWrite || entry & Entry.dirty != 0, updates: updates)
    }
  }

  func readEntry<RAM: GuestMemory & ~Copyable>(
    _ location: GuestPhysicalAddress, _ memory: inout RAM
  ) throws(Failure) -> UInt64 {
    do throws(GuestMemoryError) {
      return mode == .bits32
        ? UInt64(try memory.load(UInt32.self, at: location))
        : try memory.load(UInt64.self, at: location)
    } catch {
      throw .memory(error)
    }
  }

  /// Access rights (SDM Vol. 3A, 4.6.1).
  private func allows(_ access: Access, _ permissions: Permissions) -> Bool {
    let isUserPage = permissions.contains(.user)
    switch (access.kind, access.privilege) {
    case (_, .user) where !isUserPage:
      return false
    case (.execute, .user):
      return permissions.contains(.execute)
    case (.execute, _):
      return permissions.contains(.execute) && !(isUserPage && preventsSupervisorExecution)
    case (.read, .user):
      return true
    case (.write, .user):
      return permissions.contains(.write)
    case (_, let privilege):
      if isUserPage, preventsSupervisorAccess, privilege != .supervisor(accessControl: true) {
        return false
      }
      return access.kind == .read || !isWriteProtected || permissions.contains(.write)
    }
  }

  /// What the error code says of the access itself (SDM Vol. 3A, 4.7).
  private func faultCode(_ access: Access) -> ErrorCode {
    var code: ErrorCode = access.privilege == .user ? .user : []
    switch access.kind {
    case .read: break
    case .write: code.insert(.write)
    case .execute: if preventsSupervisorExecution || hasExecuteDisable { code.insert(.fetch) }
    }
    return code
  }
}
