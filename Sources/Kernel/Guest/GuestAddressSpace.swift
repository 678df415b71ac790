import CPU
import EPT
import Machine
import Memory

// Which frames stand behind the guest's RAM on this node.
//
// A page gets its frame when it is first touched: a whole 2 MiB block where RAM allows, else a single 4 KiB frame.
// Once a block could not be had, all further pages come alone: a block must never replace pages that it holds.
// What was never touched costs nothing and reads as zero. All of it was promised to the guest when it started
// (`guestMemoryMap`), so that a frame can be missing here only through an error of our own.
//
// Where several nodes share the guest's memory, a page is mapped here as far as the node's engine has granted it
// (`grant`, `restrict`), and what is not mapped has to be acquired first.

/// The guest's second-level page tables, for all cores.
@safe
struct GuestAddressSpace<Format: PageTableFormat>: ~Copyable {
  let map: GuestMemoryMap
  let root: HostPhysicalAddress
  /// Whether other nodes have pages of it.
  let isDistributed: Bool
  private let lock = SpinLock()
  private let tables: UnsafeMutablePointer<PageTable<Format, TableFrames>>
  private let hasBlocks: UnsafeMutablePointer<Bool>

  init(map: GuestMemoryMap, format: Format, isDistributed: Bool) throws(PageTableError) {
    self.map = map
    self.isDistributed = isDistributed
    var built = try PageTable(format: format, memory: TableFrames())
    try Self.mapMissingROMs(&built)
    root = built.root
    unsafe tables = .allocate(capacity: 1)
    unsafe tables.initialize(to: built)
    unsafe hasBlocks = .allocate(capacity: 1)
    unsafe hasBlocks.initialize(to: format.largestPage >= .page2M)
  }

  /// Lets the guest read that there is no adapter ROM without an exit for each word: Linux reads 16,384 of them on AMD.
  private static func mapMissingROMs(_ tables: inout PageTable<Format, TableFrames>) throws(PageTableError) {
    guard let frame = try? Frames.allocate4K() else { throw .outOfTables }
    IdentityMemory.fill(frame, count: pageSize, with: 0xFF)
    for address in stride(
      from: GuestMemoryMap.adapterROMs.lowerBound, to: GuestMemoryMap.adapterROMs.upperBound,
      by: Int(pageSize))
    {
      _ = try tables.map(
        GuestPhysicalAddress(address), to: frame, size: .page4K, permissions: [.read, .execute])
    }
  }

  /// The host address of a byte of guest RAM, given a frame first where it has none; nil in a hole, or where the page
  /// has to be acquired.
  borrowing func resolve(_ address: GuestPhysicalAddress) throws(PageTableError) -> HostPhysicalAddress? {
    guard map.isRAM(address) else { return nil }
    return try lock.withLock { () throws(PageTableError) -> HostPhysicalAddress? in
      try resolveLocked(address)
    }
  }

  /// The mapping of a byte of guest RAM, given a frame first where it has none, or of a ROM; nil in a hole.
  borrowing func mapping(of address: GuestPhysicalAddress) throws(PageTableError) -> Mapping? {
    let isRAM = map.isRAM(address)
    return try lock.withLock { () throws(PageTableError) -> Mapping? in
      isRAM ? try mappingLocked(address) : unsafe tables.pointee.translate(address)
    }
  }

  /// Calls `body` with the mapping of a byte of guest RAM, which stays as it is for the time of the call; false where the
  /// page has to be acquired first, with such permissions.
  borrowing func withMapping(
    of address: GuestPhysicalAddress, for permissions: PagePermissions, _ body: (Mapping) -> Void
  ) throws(PageTableError) -> Bool {
    try lock.withLock { () throws(PageTableError) -> Bool in
      guard let mapping = try mappingLocked(address) else { return false }
      if isDistributed, !mapping.permissions.isSuperset(of: permissions) { return false }
      body(mapping)
      return true
    }
  }

  /// The engine has granted this node such access to the page, which is in `frame`.
  borrowing func grant(
    _ page: PageNumber, in frame: HostPhysicalAddress, _ permissions: PagePermissions
  ) throws(PageTableError) {
    try lock.withLock { () throws(PageTableError) in
      _ = try unsafe tables.pointee.map(page.address, to: frame, size: .page4K, permissions: permissions)
    }
  }

  /// Leaves no more than such access to a page of which this node has more. A shootdown must follow.
  borrowing func restrict(_ page: PageNumber, to permissions: PagePermissions) throws(PageTableError) {
    let range = page.address..<page.address + pageSize
    try lock.withLock { () throws(PageTableError) in
      _ =
        try permissions.isEmpty
        ? unsafe tables.pointee.unmap(range) : unsafe tables.pointee.protect(range, permissions)
    }
  }

  private borrowing func resolveLocked(
    _ address: GuestPhysicalAddress
  ) throws(PageTableError) -> HostPhysicalAddress? {
    try mappingLocked(address)?.host
  }

  private borrowing func mappingLocked(_ address: GuestPhysicalAddress) throws(PageTableError) -> Mapping? {
    let mapping = unsafe tables.pointee.translate(address)
    if mapping != nil || isDistributed { return mapping }
    try materialise(address)
    return unsafe tables.pointee.translate(address)
  }

  /// Takes the right to write to a page away; false where the page has no frame yet. A shootdown must follow.
  borrowing func protect(_ page: PageNumber) throws(PageTableError) -> Bool {
    let range = page.address..<page.address + pageSize
    guard map.isRAM(page.address) else { return false }
    return try lock.withLock { () throws(PageTableError) -> Bool in
      guard unsafe tables.pointee.translate(page.address) != nil else { return false }
      _ = try unsafe tables.pointee.protect(range, [.read, .execute])
      return true
    }
  }

  /// Copies a page, to which nobody can write, to another frame and maps that instead, still without the right to
  /// write; the old one, which a shootdown must precede the release of.
  borrowing func replaceFrame(of page: PageNumber) throws(PageTableError) -> HostPhysicalAddress {
    try lock.withLock { () throws(PageTableError) -> HostPhysicalAddress in
      guard let old = unsafe tables.pointee.translate(page.address)?.host, let new = try? Frames.allocate4K()
      else {
        throw .outOfTables
      }
      IdentityMemory.copy(from: old, to: new, count: pageSize)
      _ = try unsafe tables.pointee.map(
        page.address, to: new, size: .page4K, permissions: [.read, .execute])
      return old
    }
  }

  /// Gives the right to write to a page back, once nobody sees its old frame any more.
  borrowing func unprotect(_ page: PageNumber) throws(PageTableError) {
    try lock.withLock { () throws(PageTableError) in
      _ = try unsafe tables.pointee.protect(page.address..<page.address + pageSize, .all)
    }
  }

  /// Gives a frame back that no core can reach any more, and the tables that were unlinked with it.
  borrowing func release(_ frame: HostPhysicalAddress) {
    lock.withLock { unsafe tables.pointee.releaseRetired() }
    Frames.free(frame)
  }

  private borrowing func materialise(_ address: GuestPhysicalAddress) throws(PageTableError) {
    if unsafe hasBlocks.pointee, let block = map.block(of: address) {
      if let frames = Frames.allocate2M() {
        // Nothing was mapped, so no core holds a translation to drop.
        _ = try unsafe tables.pointee.map(block, to: frames, size: .page2M, permissions: .all)
        return
      }
      unsafe hasBlocks.pointee = false
    }
    guard let frame = try? Frames.allocate4K() else { throw .outOfTables }
    let page = GuestPhysicalAddress(address.value & ~(pageSize - 1))
    _ = try unsafe tables.pointee.map(page, to: frame, size: .page4K, permissions: .all)
  }
}

/// Guest memory as loaders, devices and the instruction decoder see it.
///
/// Where nodes share it, an access to a page that this one may not make throws, as if there were a hole, unless `acquire`
/// gets the page.
@safe
struct GuestRAM<Format: PageTableFormat>: GuestMemory {
  private let space: UnsafePointer<GuestAddressSpace<Format>>
  /// Gets a page of RAM for reading, or for writing where the second argument says so; false where it can't.
  private let acquire: ((PageNumber, Bool) -> Bool)?

  init(_ space: UnsafePointer<GuestAddressSpace<Format>>, acquire: ((PageNumber, Bool) -> Bool)? = nil) {
    unsafe self.space = space
    self.acquire = acquire
  }

  /// The mapping of a byte of RAM, with a frame, or of a ROM; nil in a hole.
  func mapping(of address: GuestPhysicalAddress) -> Mapping? {
    (try? unsafe space.pointee.mapping(of: address)) ?? nil
  }

  /// Calls `body` with the mapping of a byte, which stays as it is for the time of the call.
  func withMapping(
    of address: GuestPhysicalAddress, for permissions: PagePermissions, _ body: (Mapping) -> Void
  ) throws(GuestMemoryError) {
    guard unsafe space.pointee.map.isRAM(address) else { throw .hole(address) }
    while true {
      let isDone: Bool
      do {
        isDone = try unsafe space.pointee.withMapping(of: address, for: permissions, body)
      } catch {
        throw .hole(address)
      }
      if isDone { return }
      guard let acquire, acquire(address.page, permissions.contains(.write)) else { throw .hole(address) }
    }
  }

  /// Throws where any byte of the range is in a hole, before anything is copied.
  private func check(_ address: GuestPhysicalAddress, _ count: UInt64) throws(GuestMemoryError) {
    var offset: UInt64 = 0
    while offset < count {
      let page = address + offset
      guard unsafe space.pointee.map.isRAM(page) else { throw .hole(page) }
      offset += pageSize - (page.value & (pageSize - 1))
    }
  }

  /// Calls `body` with each page's share of a range: its place, how far into the range, how many bytes.
  private func forEachPage(
    _ address: GuestPhysicalAddress, _ count: UInt64, for permissions: PagePermissions,
    _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
  ) throws(GuestMemoryError) {
    try check(address, count)
    var offset: UInt64 = 0
    while offset < count {
      let current = address + offset
      let length = min(count - offset, pageSize - (current.value & (pageSize - 1)))
      try withMapping(of: current, for: permissions) { mapping in
        let place = unsafe UnsafeMutableRawPointer(bitPattern: UInt(mapping.host.value)).unsafelyUnwrapped
        unsafe body(place, Int(offset), Int(length))
      }
      offset += length
    }
  }

  mutating func read(
    _ address: GuestPhysicalAddress, count: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(GuestMemoryError) {
    let destination = unsafe bytes.withUnsafeMutableBufferPointer { $0.baseAddress }
    guard count > 0, let destination = unsafe destination else { return }
    try unsafe forEachPage(address, UInt64(count), for: .read) { place, offset, length in
      unsafe UnsafeMutableRawPointer(destination + offset).copyMemory(from: place, byteCount: length)
    }
  }

  mutating func write(_ bytes: Span<UInt8>, to address: GuestPhysicalAddress) throws(GuestMemoryError) {
    let source = unsafe bytes.withUnsafeBufferPointer { $0.baseAddress }
    guard let source = unsafe source else { return }
    try unsafe forEachPage(address, UInt64(bytes.count), for: .write) { place, offset, length in
      unsafe place.copyMemory(from: source + offset, byteCount: length)
    }
  }

  mutating func clear(_ address: GuestPhysicalAddress, count: UInt64) throws(GuestMemoryError) {
    try unsafe forEachPage(address, count, for: .write) { place, _, length in
      unsafe place.initializeMemory(as: UInt8.self, repeating: 0, count: length)
    }
  }
}
