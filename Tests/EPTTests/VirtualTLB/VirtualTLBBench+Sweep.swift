import Memory

@testable import EPT

extension VirtualTLBBench {
  /// What is wrong with the tables as a whole, or nil.
  func inconsistency() -> String? {
    let count = tlb.tables.count
    var owner: [UInt64: Int] = [:]
    for index in ram.pages.indices where ram.pages[index].permissions != [] {
      owner[ram.pages[index].host] = index
    }

    var linked = Set<Int>()
    var leaves = Set<Int>()
    var pages: [UInt64: ShadowedPage] = [:]
    func visit(_ table: Int) -> String? {
      guard linked.insert(table).inserted else { return "table \(table) is linked twice" }
      var live = Set<Int>()
      var next = tlb.tables.firstLive(in: table)
      while let slot = next {
        guard live.insert(slot).inserted else { return "a list of live entries has a loop" }
        next = tlb.tables.nextLive(after: slot)
        let entry = tlb.tables[slot]
        if entry.contains(.leaf) {
          leaves.insert(slot)
          pages[tlb.tables.page(at: slot).rawValue] = tlb.tables.page(at: slot)
          let parts = entry.contains(.large) ? 512 : 1
          for part in 0..<parts {
            guard let index = owner[entry.address.value + UInt64(part) * 4096] else {
              return "a leaf maps a frame that is no page's"
            }
            var granted: PagePermissions = .read
            if entry.contains(.writable) { granted.insert(.write) }
            if !entry.contains(.noExecute) { granted.insert(.execute) }
            if !ram.pages[index].permissions.isSuperset(of: granted) { return "a leaf grants \(granted)" }
          }
        } else if !entry.contains(.shared) || table == VirtualTLB<ArrayShadowMemory>.sharedRoot {
          if let failure = visit(tlb.tables.table(entry)) { return failure }
        }
      }
      for slot in table << 9..<(table + 1) << 9 where !tlb.tables[slot].isEmpty && !live.contains(slot) {
        return "a live entry is in no list"
      }
      return nil
    }
    for root in 0...VirtualTLB<ArrayShadowMemory>.legacyRoot {
      if let failure = visit(root) { return failure }
    }

    guard linked.count + tlb.tables.freeCount + tlb.tables.retiredCount == count else {
      return "tables leak: \(linked.count) linked, \(tlb.tables.freeCount) free, "
        + "\(tlb.tables.retiredCount) retired of \(count)"
    }
    for slot in 0..<count << 9 where !linked.contains(slot >> 9) && !tlb.tables[slot].isEmpty {
      return "a table that is not linked has entries"
    }
    for page in pages.values {
      var next = tlb.tables.firstSlot(inBucketOf: page)
      while let slot = next {
        if tlb.tables.page(at: slot) == page, leaves.remove(slot) == nil { return "a slot is chained twice" }
        next = tlb.tables.nextSlot(after: slot)
      }
    }
    return leaves.isEmpty ? nil : "\(leaves.count) leaves are not in the reverse map"
  }
}
