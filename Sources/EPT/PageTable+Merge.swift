import Memory

extension PageTable where Memory: ~Copyable {
  /// Merges what `range` touches below a table of `level`, from the bottom up.
  mutating func merge(
    _ range: Range<UInt64>, below table: HostPhysicalAddress, at level: Int
  ) -> Invalidation {
    var invalidation = Invalidation.none
    var address = range.lowerBound
    while address < range.upperBound {
      let part = Self.part(of: range, from: address, at: level)
      let slot = Self.slot(of: address, in: table, at: level)
      let entry = memory.readEntry(at: slot)
      if Self.isTable(entry, at: level) {
        let child = Format.table(entry)
        invalidation.formUnion(merge(part, below: child, at: level - 1))
        if let merged = mergedEntry(of: child, at: level) {
          memory.writeEntry(merged, at: slot)
          retire(child, at: level - 1)
          invalidation = .required
        }
      }
      address = part.upperBound
    }
    return invalidation
  }

  /// The entry of `level` that says all that the table below it says, or nil where there is none.
  private func mergedEntry(of table: HostPhysicalAddress, at level: Int) -> UInt64? {
    let first = memory.readEntry(at: table)
    var merged: UInt64 = 0
    var increment: UInt64 = 0
    if first != 0 {
      guard var leaf = Self.leaf(first, at: level - 1), let size = PageSize(rawValue: level),
        size <= format.largestPage, leaf.host.value & (size.bytes &- 1) == 0
      else { return nil }
      leaf.size = size
      merged = Format.encode(leaf)
      increment = Self.span(of: level - 1)
    }
    for index in 1..<Self.entriesPerTable {
      let expected = first &+ index &* increment
      guard memory.readEntry(at: Self.slot(index, in: table)) == expected else { return nil }
    }
    return merged
  }
}
