import Memory

extension PageTable where Memory: ~Copyable {
  /// What an operation wants of every page in its range.
  enum Change {
    /// Map to guest-physical address + `offset`, modulo 2⁶⁴.
    case map(offset: UInt64, PagePermissions, MemoryType)
    case unmap
    case protect(PagePermissions)
  }

  /// What a change means for one entry.
  enum Step {
    case keep
    case store(UInt64)
    /// Part of what the entry spans changes, or no single leaf can say it: go on in the table below, made first if
    /// there is none.
    case descend
  }

  mutating func update(
    _ range: Range<UInt64>, _ change: Change
  ) throws(PageTableError) -> Invalidation {
    var invalidation = Invalidation.none
    guard !range.isEmpty else { return invalidation }
    let (table, level) = smallestTable(spanning: range)
    let count = newTables(for: change, in: range, under: Format.encode(table: table), at: level + 1)
    var spare = try allocateTables(count)
    apply(change, in: range, to: table, at: level, from: &spare, &invalidation)
    return invalidation
  }

  /// The lowest existing table in which all of `range` is found, and its level. An entry that spans no more than
  /// the range is where to begin, for one leaf may take the place of its table.
  private func smallestTable(spanning range: Range<UInt64>) -> (HostPhysicalAddress, level: Int) {
    var table = root
    var level = Self.rootLevel
    while level > 0, range.upperBound - range.lowerBound < Self.span(of: level),
      Self.part(of: range, from: range.lowerBound, at: level) == range
    {
      let entry = memory.readEntry(at: Self.slot(of: range.lowerBound, in: table, at: level))
      guard Self.isTable(entry, at: level) else { break }
      table = Format.table(entry)
      level -= 1
    }
    return (table, level)
  }

  /// How many tables `change` adds below an entry of `level` that it has to descend into.
  private func newTables(
    for change: Change, in range: Range<UInt64>, under entry: UInt64, at level: Int
  ) -> Int {
    var count = Self.isTable(entry, at: level) ? 0 : 1
    guard level > 1 else { return count }
    var address = range.lowerBound
    while address < range.upperBound {
      let part = Self.part(of: range, from: address, at: level - 1)
      let child = child(of: entry, at: level, Self.index(of: address, at: level - 1))
      if case .descend = step(change, in: part, child, at: level - 1) {
        count += newTables(for: change, in: part, under: child, at: level - 1)
      }
      address = part.upperBound
    }
    return count
  }

  /// Entry `index` of the table that an entry of `level` refers to, or of the one that would have to take its place.
  @inline(__always)
  private func child(of entry: UInt64, at level: Int, _ index: UInt64) -> UInt64 {
    if Self.isTable(entry, at: level) {
      return memory.readEntry(at: Self.slot(index, in: Format.table(entry)))
    }
    return Self.piece(index, of: entry, at: level)
  }

  /// One of the 512 entries that together say what an entry of `level` says, which refers to no table.
  @inline(__always)
  private static func piece(_ index: UInt64, of entry: UInt64, at level: Int) -> UInt64 {
    guard var leaf = leaf(entry, at: level), let size = PageSize(rawValue: level - 1) else { return 0 }
    leaf.host = leaf.host + index &* size.bytes
    leaf.size = size
    return Format.encode(leaf)
  }

  private mutating func allocateTables(_ count: Int) throws(PageTableError) -> TableChain {
    var chain = TableChain()
    while chain.count < count {
      guard let table = memory.allocateTable() else {
        chain.release(to: &memory)
        throw .outOfTables
      }
      chain.push(table, in: &memory)
    }
    return chain
  }

  @inline(__always)
  private func step(_ change: Change, in part: Range<UInt64>, _ entry: UInt64, at level: Int) -> Step {
    let isWhole = part.upperBound - part.lowerBound == Self.span(of: level)
    switch change {
    case .unmap:
      guard Format.isPresent(entry) else { return .keep }
      return isWhole ? .store(0) : .descend

    case .protect(let permissions):
      guard Format.isPresent(entry) else { return .keep }
      guard var leaf = Self.leaf(entry, at: level) else { return .descend }
      if leaf.permissions == permissions { return .keep }
      leaf.permissions = permissions
      return isWhole ? .store(Format.encode(leaf)) : .descend

    case .map(let offset, let permissions, let memoryType):
      let host = HostPhysicalAddress(part.lowerBound &+ offset)
      if let leaf = Self.leaf(entry, at: level),
        leaf.host + (part.lowerBound & (leaf.size.bytes &- 1)) == host,
        leaf.permissions == permissions, leaf.memoryType == memoryType
      {
        return .keep
      }
      guard isWhole, let size = PageSize(rawValue: level), size <= format.largestPage,
        host.value & (size.bytes &- 1) == 0
      else { return .descend }
      return .store(
        Format.encode(Mapping(host: host, size: size, permissions: permissions, memoryType: memoryType)))
    }
  }

  private mutating func apply(
    _ change: Change, in range: Range<UInt64>, to table: HostPhysicalAddress, at level: Int,
    from spare: inout TableChain, _ invalidation: inout Invalidation
  ) {
    var address = range.lowerBound
    while address < range.upperBound {
      let part = Self.part(of: range, from: address, at: level)
      let slot = Self.slot(of: address, in: table, at: level)
      let entry = memory.readEntry(at: slot)
      switch step(change, in: part, entry, at: level) {
      case .keep:
        break
      case .store(let new):
        memory.writeEntry(new, at: slot)
        invalidation.formUnion(Self.invalidation(from: entry, to: new, at: level))
        if Self.isTable(entry, at: level) { retire(Format.table(entry), at: level - 1) }
      case .descend:
        var child = Format.table(entry)
        if !Self.isTable(entry, at: level) {
          child = spare.pop(from: &memory)
          expand(entry, at: slot, level, into: child)
          invalidation.formUnion(Format.isPresent(entry) ? .required : .none)
        }
        apply(change, in: part, to: child, at: level - 1, from: &spare, &invalidation)
      }
      address = part.upperBound
    }
  }

  /// Puts a table that says the same in the place of an entry that refers to none.
  private mutating func expand(
    _ entry: UInt64, at slot: HostPhysicalAddress, _ level: Int, into table: HostPhysicalAddress
  ) {
    if Format.isPresent(entry) {
      for index in 0..<Self.entriesPerTable {
        memory.writeEntry(Self.piece(index, of: entry, at: level), at: Self.slot(index, in: table))
      }
    }
    memory.writeEntry(Format.encode(table: table), at: slot)
  }

  /// What one store calls for (SDM Vol. 3C, 29.4.3.4; APM Vol. 2, 5.5.3): nothing where nothing was present, nor
  /// where the same leaf grants more than it did.
  @inline(__always)
  private static func invalidation(from old: UInt64, to new: UInt64, at level: Int) -> Invalidation {
    guard Format.isPresent(old) else { return .none }
    guard let before = leaf(old, at: level), let after = leaf(new, at: level),
      before.host == after.host, before.memoryType == after.memoryType,
      after.permissions.isSuperset(of: before.permissions)
    else { return .required }
    return .none
  }

  /// Moves an unlinked table of `level` and all the tables below it to the retired chain.
  mutating func retire(_ table: HostPhysicalAddress, at level: Int) {
    if level > 0 {
      for index in 0..<Self.entriesPerTable {
        let entry = memory.readEntry(at: Self.slot(index, in: table))
        if Self.isTable(entry, at: level) { retire(Format.table(entry), at: level - 1) }
      }
    }
    retired.push(table, in: &memory)
  }
}
