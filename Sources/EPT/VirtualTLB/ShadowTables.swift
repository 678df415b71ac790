import Memory

// Where a virtual TLB keeps its tables, and how it finds every entry that maps a guest-physical page.
//
// The frames of `ShadowMemory` are cut once, for good:
//
//     tables      count × 512 words   what the processor walks
//     nodes       count × 512 words   one beside each entry: what it maps, and its neighbours in its table
//     chains      count × 512 words   one beside each entry: its neighbours in its bucket of the reverse map
//     headers     count words         per table: its first live entry, or the next table of a chain of tables
//     buckets     a power of two      per hash of a page: the first entry of that hash
//
// An entry is named by its slot: table number × 512 + index. Since every entry has its node and its chain word from
// the start, linking one needs no allocation, and the reverse map cannot run out before the tables do. A table's
// live entries form a doubly linked list, and so do the leaves of a bucket: taking an entry out is a dozen loads and
// stores wherever it stands, and emptying a table costs only what it holds.
//
// A table that is not in use is all zero. One that was unlinked is *retired*: cores may still walk it or hold
// pointers to it, and so it is given out again only after `releaseRetired()`.

struct ShadowTables<Memory: ShadowMemory & ~Copyable>: ~Copyable {
  /// How many tables there are; they are numbered from 0.
  let count: Int

  private(set) var freeCount = 0
  private(set) var retiredCount = 0

  private var memory: Memory
  private let base: UInt64
  private let nodes: Int
  private let chains: Int
  private let headers: Int
  private let buckets: Int
  private let hashShift: UInt64
  private var firstFree = Self.noTable
  private var firstRetired = Self.noTable

  private static var noTable: UInt64 { 0xFFFF_FFFF }
  /// No index within a table.
  private static var noIndex: UInt64 { 512 }
  /// No slot.
  private static var noSlot: UInt64 { 0xFFFF_FFFF }
  /// Set in the link backwards of the first entry of a bucket, beside the bucket's number.
  private static var bucketFlag: UInt64 { 1 << 31 }

  /// Buckets per table, before rounding down to a power of two.
  private static var bucketsPerTable: Int { 64 }

  /// How many tables fit in so many frames.
  static func count(inFrames frames: Int) -> Int {
    // A slot has 31 bits, and so does a bucket.
    min(frames, 1 << 22) * 512 / (3 * 512 + 1 + bucketsPerTable)
  }

  init(_ memory: consuming Memory) {
    count = Self.count(inFrames: memory.frameCount)
    base = memory.base.value
    nodes = count * 512
    chains = 2 * nodes
    headers = 3 * nodes
    buckets = headers + count
    let bucketBits = Int.bitWidth - 1 - max(count * Self.bucketsPerTable, 1).leadingZeroBitCount
    hashShift = UInt64(64 - bucketBits)
    self.memory = memory
    for index in 0..<nodes { self.memory.write(0, at: index) }
    for index in 0..<1 << bucketBits { self.memory.write(Self.noSlot, at: buckets + index) }
    for table in stride(from: count - 1, through: 0, by: -1) { free(table) }
  }

  // MARK: Addresses

  @inline(__always)
  func address(of table: Int) -> HostPhysicalAddress {
    HostPhysicalAddress(base &+ UInt64(truncatingIfNeeded: table) << 12)
  }

  /// The table that an entry refers to.
  @inline(__always)
  func table(_ entry: ShadowEntry) -> Int {
    Int(truncatingIfNeeded: (entry.address.value &- base) >> 12)
  }

  /// The lowest bit of a linear address that selects an entry of `level`; level 0 is the lowest.
  @inline(__always)
  private static func shift(of level: Int) -> UInt64 { UInt64(truncatingIfNeeded: 12 &+ 9 &* level) }

  /// Bytes that one entry of `level` translates.
  @inline(__always)
  static func span(of level: Int) -> UInt64 { 1 &<< shift(of: level) }

  /// The slot in `table` of the entry of `level` for a linear address.
  @inline(__always)
  static func slot(_ table: Int, _ linear: UInt64, _ level: Int) -> Int {
    table &<< 9 | Int(truncatingIfNeeded: linear &>> shift(of: level) & 511)
  }

  /// What the index of an entry of `level` contributes to a linear address, which is canonical.
  @inline(__always)
  static func linear(_ index: Int, _ level: Int) -> UInt64 {
    let address = UInt64(truncatingIfNeeded: index) &<< shift(of: level)
    return level == 3 && index >= 256 ? address | ~0 << 48 : address
  }

  // MARK: Tables

  /// An empty table, or nil.
  mutating func allocate() -> Int? {
    guard firstFree != Self.noTable else { return nil }
    let table = Int(truncatingIfNeeded: firstFree)
    firstFree = memory.read(headers &+ table)
    freeCount &-= 1
    memory.write(Self.noIndex, at: headers &+ table)
    return table
  }

  /// Takes back a table that is empty and no longer linked.
  mutating func retire(_ table: Int) {
    memory.write(firstRetired, at: headers &+ table)
    firstRetired = UInt64(truncatingIfNeeded: table)
    retiredCount &+= 1
  }

  mutating func releaseRetired() {
    while firstRetired != Self.noTable {
      let table = Int(truncatingIfNeeded: firstRetired)
      firstRetired = memory.read(headers &+ table)
      free(table)
    }
    retiredCount = 0
  }

  private mutating func free(_ table: Int) {
    memory.write(firstFree, at: headers &+ table)
    firstFree = UInt64(truncatingIfNeeded: table)
    freeCount &+= 1
  }

  // MARK: Entries

  @inline(__always)
  subscript(slot: Int) -> ShadowEntry { ShadowEntry(rawValue: memory.read(slot)) }

  /// Changes an entry that is present and goes on mapping what it maps.
  @inline(__always)
  mutating func update(_ slot: Int, to entry: ShadowEntry) { memory.write(entry.rawValue, at: slot) }

  /// Links a table into an empty slot.
  mutating func insert(_ entry: ShadowEntry, at slot: Int) {
    link(slot, .table)
    memory.write(entry.rawValue, at: slot)
  }

  /// Maps `page` at an empty slot.
  mutating func insert(_ entry: ShadowEntry, at slot: Int, mapping page: ShadowedPage) {
    link(slot, page)
    let bucket = bucket(of: page)
    let next = memory.read(bucket)
    memory.write(
      (Self.bucketFlag | UInt64(truncatingIfNeeded: bucket &- buckets)) << 32 | next, at: chains &+ slot)
    memory.write(UInt64(truncatingIfNeeded: slot), at: bucket)
    setPrevious(of: next, to: UInt64(truncatingIfNeeded: slot))
    memory.write(entry.rawValue, at: slot)
  }

  /// Empties the slot of a present entry.
  mutating func remove(_ slot: Int) {
    let entry = self[slot]
    memory.write(0, at: slot)
    unlink(slot)
    if entry.contains(.leaf) { unchain(slot) }
  }

  /// What the entry in a slot maps.
  @inline(__always)
  func page(at slot: Int) -> ShadowedPage { ShadowedPage(rawValue: memory.read(nodes &+ slot) >> 20) }

  // MARK: The live entries of a table

  /// A slot of `table` that is not empty, or nil.
  @inline(__always)
  func firstLive(in table: Int) -> Int? { Self.slot(table, memory.read(headers &+ table)) }

  /// The live slot that follows another one in its table.
  @inline(__always)
  func nextLive(after slot: Int) -> Int? { Self.slot(slot >> 9, memory.read(nodes &+ slot) & 0x3FF) }

  @inline(__always)
  private static func slot(_ table: Int, _ index: UInt64) -> Int? {
    index == noIndex ? nil : table << 9 | Int(truncatingIfNeeded: index)
  }

  @inline(__always)
  private mutating func link(_ slot: Int, _ page: ShadowedPage) {
    let header = headers &+ slot >> 9
    let next = memory.read(header)
    let index = UInt64(truncatingIfNeeded: slot & 511)
    memory.write(page.rawValue << 20 | Self.noIndex << 10 | next, at: nodes &+ slot)
    memory.write(index, at: header)
    if let next = Self.slot(slot >> 9, next) {
      let node = memory.read(nodes &+ next)
      memory.write(node & ~(0x3FF << 10) | index << 10, at: nodes &+ next)
    }
  }

  @inline(__always)
  private mutating func unlink(_ slot: Int) {
    let node = memory.read(nodes &+ slot)
    let previous = node >> 10 & 0x3FF
    if let previous = Self.slot(slot >> 9, previous) {
      memory.write(memory.read(nodes &+ previous) & ~0x3FF | node & 0x3FF, at: nodes &+ previous)
    } else {
      memory.write(node & 0x3FF, at: headers &+ slot >> 9)
    }
    if let next = Self.slot(slot >> 9, node & 0x3FF) {
      memory.write(memory.read(nodes &+ next) & ~(0x3FF << 10) | previous << 10, at: nodes &+ next)
    }
  }

  // MARK: The reverse map

  /// The first slot of the bucket that `page` falls in, or nil.
  @inline(__always)
  func firstSlot(inBucketOf page: ShadowedPage) -> Int? { Self.slot(memory.read(bucket(of: page))) }

  /// The slot that follows another one in its bucket.
  @inline(__always)
  func nextSlot(after slot: Int) -> Int? { Self.slot(memory.read(chains &+ slot) & Self.noSlot) }

  @inline(__always)
  private static func slot(_ link: UInt64) -> Int? { link == noSlot ? nil : Int(truncatingIfNeeded: link) }

  /// Fibonacci hashing: the upper bits of the product with 2⁶⁴ divided by the golden ratio.
  @inline(__always)
  private func bucket(of page: ShadowedPage) -> Int {
    buckets &+ Int(truncatingIfNeeded: (page.rawValue &* 0x9E37_79B9_7F4A_7C15) &>> hashShift)
  }

  @inline(__always)
  private mutating func setPrevious(of slot: UInt64, to link: UInt64) {
    guard let slot = Self.slot(slot) else { return }
    memory.write(link << 32 | memory.read(chains &+ slot) & 0xFFFF_FFFF, at: chains &+ slot)
  }

  @inline(__always)
  private mutating func unchain(_ slot: Int) {
    let links = memory.read(chains &+ slot)
    let next = links & 0xFFFF_FFFF
    let previous = links >> 32
    if previous & Self.bucketFlag != 0 {
      memory.write(next, at: buckets &+ Int(truncatingIfNeeded: previous & ~Self.bucketFlag))
    } else {
      let slot = Int(truncatingIfNeeded: previous)
      memory.write(memory.read(chains &+ slot) & ~0xFFFF_FFFF | next, at: chains &+ slot)
    }
    setPrevious(of: next, to: previous)
  }
}
