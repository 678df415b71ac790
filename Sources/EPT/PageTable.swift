import Memory

// How a change reaches the tables.
//
// Four levels of 512 entries translate 48 bits of guest-physical address: level 3 is the root, level 0 holds the
// 4 KiB leaves, and levels 1 and 2 may hold leaves of 2 MiB and 1 GiB. `Format` knows the bits of an entry,
// `Memory` where tables are kept.
//
// Every change is a range and a wish (map, unmap, protect). It runs twice over the tables (PageTable+Update.swift):
// the first pass counts the new tables that it needs, all of which are then allocated, and the second one cannot
// fail. Both ask the same function what to do about an entry, so that the count is exact. Each pass starts at the
// smallest table that spans the range: for one page whose table exists that is the page's own entry, and the change
// costs four reads and one store.
//
// Cores that run the guest walk the tables while this one changes them. So each step is one store that takes the
// guest from one valid translation to another. A leaf of which only a part changes is first split: a table of
// smaller leaves that say the same is filled where no walk can reach it, then linked by one store. Merging is that
// store in reverse.
//
// A core may keep walking a table that it saw before the store that unlinked it. Such a table is retired, not
// freed: it waits in a chain until `releaseRetired()`, which the caller calls after the shootdown that
// `Invalidation.required` asks for. The chain runs through the retired tables' first entries. A core with a stale
// pointer may therefore find that entry not present and take a violation, which drops the stale pointer (SDM
// Vol. 3C, 29.4.3.1; APM Vol. 2, 5.5.3) and finds the right translation when the access is tried again.
//
// Tables that an `unmap` leaves empty stay linked, ready for the pages' return: looking through a whole table each
// time that one page leaves would cost more than the frame. `merge` frees them when the caller has the time.

/// The second-level page tables of one virtual machine, owned by whoever may change them.
///
/// An operation on a range takes any bounds that are multiples of 4 KiB and does nothing on an empty range.
public struct PageTable<Format: PageTableFormat, Memory: TableMemory & ~Copyable>: ~Copyable {
  /// The table of level 3: what EPTP or nCR3 points to.
  public let root: HostPhysicalAddress

  let format: Format
  var memory: Memory
  var retired = TableChain()

  /// Tables that map nothing.
  ///
  /// Throws `outOfTables` where there is no frame for the root.
  public init(format: Format, memory: consuming Memory) throws(PageTableError) {
    guard let root = memory.allocateTable() else { throw .outOfTables }
    self.root = root
    self.format = format
    self.memory = memory
  }

  /// Where `address` leads, or nil where nothing is mapped.
  public func translate(_ address: GuestPhysicalAddress) -> Mapping? {
    guard address.value < Self.guestAddressLimit else { return nil }
    var table = root
    var level = Self.rootLevel
    while true {
      let entry = memory.readEntry(at: Self.slot(of: address.value, in: table, at: level))
      guard Format.isPresent(entry) else { return nil }
      if var leaf = Self.leaf(entry, at: level) {
        leaf.host = leaf.host + (address.value & (Self.span(of: level) &- 1))
        return leaf
      }
      table = Format.table(entry)
      level -= 1
    }
  }

  /// Maps one page of `size` bytes with one leaf, in place of whatever was mapped there.
  public mutating func map(
    _ guest: GuestPhysicalAddress, to host: HostPhysicalAddress, size: PageSize,
    permissions: PagePermissions, memoryType: MemoryType = .writeBack
  ) throws(PageTableError) -> Invalidation {
    guard size <= format.largestPage else { throw .unsupportedPageSize }
    guard (guest.value | host.value) & (size.bytes &- 1) == 0 else { throw .misaligned }
    guard guest.value < Self.guestAddressLimit else { throw .guestAddressOutOfRange }
    return try map(guest..<guest + size.bytes, to: host, permissions: permissions, memoryType: memoryType)
  }

  /// Maps a range to the frames that start at `host`, in place of whatever was mapped there, by the largest leaves
  /// that the alignment of both and the processor allow. A larger leaf that says the same already stays.
  public mutating func map(
    _ range: Range<GuestPhysicalAddress>, to host: HostPhysicalAddress,
    permissions: PagePermissions, memoryType: MemoryType = .writeBack
  ) throws(PageTableError) -> Invalidation {
    let bytes = try Self.checked(range)
    guard host.value & (pageSize - 1) == 0 else { throw .misaligned }
    guard host.value <= format.hostAddressLimit,
      bytes.upperBound - bytes.lowerBound <= format.hostAddressLimit - host.value
    else { throw .hostAddressOutOfRange }
    guard format.canEncode(permissions) else { throw .unsupportedPermissions }
    guard format.canEncode(memoryType) else { throw .unsupportedMemoryType }
    return try update(bytes, .map(offset: host.value &- bytes.lowerBound, permissions, memoryType))
  }

  /// Unmaps what is mapped in a range.
  public mutating func unmap(_ range: Range<GuestPhysicalAddress>) throws(PageTableError) -> Invalidation {
    try update(Self.checked(range), .unmap)
  }

  /// Gives what is mapped in a range other permissions; what is not mapped stays so.
  public mutating func protect(
    _ range: Range<GuestPhysicalAddress>, _ permissions: PagePermissions
  ) throws(PageTableError) -> Invalidation {
    let bytes = try Self.checked(range)
    guard format.canEncode(permissions) else { throw .unsupportedPermissions }
    return try update(bytes, .protect(permissions))
  }

  /// Replaces tables that map any part of a range by larger leaves where one leaf can say the same, and unlinks
  /// those that are empty. No translation changes and no table is needed.
  public mutating func merge(_ range: Range<GuestPhysicalAddress>) throws(PageTableError) -> Invalidation {
    merge(try Self.checked(range), below: root, at: Self.rootLevel)
  }

  /// How many tables wait for `releaseRetired()`.
  public var retiredCount: Int { retired.count }

  /// Frees the tables that earlier operations have unlinked.
  ///
  /// Every core has dropped its translations since the last operation that returned `Invalidation.required`: no
  /// such operation comes between the start of a shootdown and this call.
  public mutating func releaseRetired() { retired.release(to: &memory) }
}

// Invariants, which hold before and after every operation (those marked * after every single store too):
//
// * An entry is zero, refers to a table one level lower, or is a leaf that passed `canEncode`, is aligned to its
//   size and lies below `hostAddressLimit`. No entry of the root is a leaf, and none is larger than `largestPage`.
// * A walk from the root gives an address outside the operation's range the translation that it had before, and an
//   address inside it the one before or the one after.
// * Every table but the root is referred to by exactly one entry, or stands once in the retired chain.
// - An operation that throws has left the tables as they were, bit for bit.
// - A frame goes back to `Memory` only from `releaseRetired()`, or when no entry ever referred to it.
// - The number of allocated frames is 1 (the root) + the linked tables + `retiredCount`.
