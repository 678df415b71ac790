import Support
import EPT
import Memory
import Testing

/// What every 4 KiB page of a window leads to, kept flat: the model that a table is compared with.
private struct FlatModel {
  /// First guest-physical address of the window, which holds one whole gigabyte page and a bit on either side.
  static let base = gib1 - 4 * mib2
  static let count = Int((gib1 + 8 * mib2) / kib4)

  /// Per page: host address, memory type in bits 10:8, permissions in bits 2:0; zero where it is not mapped.
  private(set) var pages = [UInt64](repeating: 0, count: count)

  static func pack(_ mapping: Mapping?) -> UInt64 {
    guard let mapping else { return 0 }
    return mapping.host.value | UInt64(mapping.memoryType.rawValue) << 8
      | UInt64(mapping.permissions.rawValue)
  }

  /// What an operation changes; the answer is whether a processor may have cached what is no longer so.
  mutating func apply(_ change: Change, _ range: Range<Int>) -> Bool {
    var isStale = false
    pages.withUnsafeMutableBufferPointer { pages in
      for index in range {
        let old = pages[index]
        var new = old
        switch change {
        case .map(let host, let permissions, let type):
          new =
            host + UInt64(index - range.lowerBound) * kib4 | UInt64(type.rawValue) << 8
            | UInt64(permissions.rawValue)
        case .unmap: new = 0
        case .protect(let permissions): if old != 0 { new = old & ~7 | UInt64(permissions.rawValue) }
        case .merge: break
        }
        pages[index] = new
        if old != 0, old & ~7 != new & ~7 || old & ~new & 7 != 0 { isStale = true }
      }
    }
    return isStale
  }
}

private enum Change {
  case map(UInt64, PagePermissions, MemoryType)
  case unmap
  case protect(PagePermissions)
  case merge
}

/// Random changes: mostly a few pages around the boundaries of larger ones, now and then whole 2 MiB pages, rarely
/// the whole window or gigabyte.
private struct ChangeGenerator {
  var random: SeededGenerator
  let permissions: [PagePermissions]
  let memoryTypes: [MemoryType]

  mutating func next() -> (Change, Range<Int>) {
    let size = Int.random(in: 0..<5000, using: &random)
    let range: Range<Int>
    if size == 0 {
      range = Bool.random(using: &random) ? 0..<FlatModel.count : 2048..<2048 + 262144
    } else {
      let corner = [0, 512, 2048, 2048 + 512 * 7, 2048 + 262144, FlatModel.count - 512].randomElement(
        using: &random)!
      let isLarge = size < 150
      let lower = isLarge ? corner : corner + Int.random(in: -40...40, using: &random)
      let length =
        isLarge ? 512 * Int.random(in: 1...3, using: &random) : Int.random(in: 1...48, using: &random)
      range = max(lower, 0)..<min(max(lower, 0) + length, FlatModel.count)
    }

    let rights = permissions.randomElement(using: &random)!
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<5:
      // Frames that are aligned with the guest's pages for 1 GiB, for 2 MiB and for 4 KiB: merging needs the first.
      let offset = [0, 0, 0, 16 * mib2, 3 * kib4].randomElement(using: &random)! + 64 * gib1
      let type =
        Int.random(in: 0..<8, using: &random) == 0 ? memoryTypes.randomElement(using: &random)! : .writeBack
      return (.map(FlatModel.base + UInt64(range.lowerBound) * kib4 + offset, rights, type), range)
    case 5, 6: return (.unmap, range)
    case 7, 8: return (.protect(rights), range)
    default: return (.merge, range)
    }
  }
}

extension TableBench {
  fileprivate func apply(_ change: Change, _ range: Range<Int>) throws(PageTableError) -> Invalidation {
    let addresses = EPTTests.pages(
      FlatModel.base + UInt64(range.lowerBound) * kib4, UInt64(range.count) * kib4)
    switch change {
    case .map(let host, let permissions, let type):
      return try table.map(
        addresses, to: HostPhysicalAddress(host), permissions: permissions, memoryType: type)
    case .unmap: return try table.unmap(addresses)
    case .protect(let permissions): return try table.protect(addresses, permissions)
    case .merge: return try table.merge(addresses)
    }
  }

  /// What the processor finds for page `index` of the window, in the model's terms; nil for a malformed entry.
  fileprivate func page(_ index: Int) -> UInt64? {
    switch walk(FlatModel.base + UInt64(index) * kib4) {
    case .notPresent: 0
    case .malformed: nil
    case .mapped(let mapping): FlatModel.pack(mapping)
    }
  }

  fileprivate func agrees(with model: FlatModel, at index: Int) -> Bool {
    let address = GuestPhysicalAddress(FlatModel.base + UInt64(index) * kib4)
    return page(index) == model.pages[index] && FlatModel.pack(table.translate(address)) == model.pages[index]
  }
}

private let processors: [any SecondLevelProcessor] = [EPTProcessor(), NPTProcessor()]
private let processorWithoutOptions = EPTProcessor(hasExecuteOnly: false, largestLevel: 1)

@Test(arguments: processors)
func aHundredThousandRandomChangesAgreeWithAFlatModel(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor, capacity: 1200)
    var generator = ChangeGenerator(
      random: SeededGenerator(seed: 1), permissions: processor.permissions, memoryTypes: processor.memoryTypes
    )
    var model = FlatModel()
    var failures = 0
    for step in 1...100_000 where failures == 0 {
      let (change, range) = generator.next()
      let frees = bench.frames.frees
      let retired = bench.table.retiredCount
      let invalidation = try bench.apply(change, range)
      let isStale = model.apply(change, range)
      if isStale || bench.table.retiredCount > retired, invalidation != .required { failures += 1 }
      if bench.frames.frees != frees { failures += 1 }
      if invalidation == .required, step % 2 == 0 { bench.table.releaseRetired() }

      let middle = (range.lowerBound + range.upperBound) / 2
      let ends = [range.lowerBound - 1, range.lowerBound, middle, range.upperBound - 1, range.upperBound]
      for index in ends where model.pages.indices.contains(index) && !bench.agrees(with: model, at: index) {
        failures += 1
      }
      if step % 1000 == 0 {
        let (tables, malformed) = processor.sweep(bench.frames, bench.root)
        if malformed != nil || tables + bench.table.retiredCount != bench.frames.live { failures += 1 }
      }
      if step % 50_000 == 0 {
        for index in 0..<FlatModel.count where !bench.agrees(with: model, at: index) { failures += 1 }
      }
      #expect(failures == 0, "step \(step): \(change) of \(range)")
    }

    _ = try bench.apply(.unmap, 0..<FlatModel.count)
    _ = try bench.apply(.merge, 0..<FlatModel.count)
    bench.table.releaseRetired()
    #expect(bench.frames.live == 1)
  }
  try check(processor)
}

@Test(arguments: processors + [processorWithoutOptions])
func randomChangesThatRunOutOfTablesLeaveEveryBitAsItWas(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor, capacity: 8)
    var generator = ChangeGenerator(
      random: SeededGenerator(seed: 2), permissions: processor.permissions, memoryTypes: processor.memoryTypes
    )
    var errors = 0
    for _ in 0..<2_000 {
      let (change, range) = generator.next()
      let contents = bench.frames.contents
      do throws(PageTableError) {
        _ = try bench.apply(change, range)
        bench.table.releaseRetired()
      } catch {
        errors += 1
        if error != .outOfTables || bench.frames.contents != contents {
          Issue.record("\(change) of \(range): \(error)")
          return
        }
      }
    }
    #expect(errors > 100 && errors < 1_900)
  }
  try check(processor)
}

/// After every single store, a processor that walks from the root, and one that still holds pointers to tables from
/// before the change, see for each address what it had before or what it gets; the second one may also take a
/// violation, which makes it walk from the root. An address outside the change has but one translation.
@Test(arguments: processors + [processorWithoutOptions])
func noStoreOfAChangeShowsAWalkerAnythingElse(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor, capacity: 1200)
    var generator = ChangeGenerator(
      random: SeededGenerator(seed: 3), permissions: processor.permissions, memoryTypes: processor.memoryTypes
    )
    var model = FlatModel()
    var failures = 0
    for step in 0..<600 where failures == 0 {
      let (change, range) = generator.next()
      let before = model
      _ = model.apply(change, range)
      // Whole gigabytes take too many stores to look at after each.
      guard range.count < 10_000 else {
        _ = try bench.apply(change, range)
        bench.table.releaseRetired()
        continue
      }

      var probes = [
        range.lowerBound - 1, range.lowerBound, range.upperBound - 1, range.upperBound,
        range.lowerBound & ~511, range.upperBound | 511,
      ]
      probes.append(Int.random(in: range, using: &generator.random))
      probes.append(Int.random(in: 0..<FlatModel.count, using: &generator.random))
      probes = probes.filter { (0..<FlatModel.count).contains($0) }
      let cached = probes.map { bench.tables(on: $0) }

      bench.frames.afterWrite = { [unowned bench] in
        for (probe, tables) in zip(probes, cached) {
          let old = before.pages[probe]
          let new = model.pages[probe]
          guard let seen = bench.page(probe), seen == old || seen == new else {
            failures += 1
            return
          }
          for (table, level) in tables {
            let address = FlatModel.base + UInt64(probe) * kib4
            switch bench.processor.walk(address, bench.frames, from: table, level: level) {
            case .notPresent: break
            case .malformed: failures += 1
            case .mapped(let mapping):
              let stale = FlatModel.pack(mapping)
              if stale != old && stale != new { failures += 1 }
            }
          }
        }
      }
      _ = try bench.apply(change, range)
      bench.frames.afterWrite = nil
      bench.table.releaseRetired()
      #expect(failures == 0, "step \(step): \(change) of \(range)")
    }
  }
  try check(processor)
}

extension TableBench {
  /// The tables below the root on the way to page `index` of the window: what a paging-structure cache may hold.
  fileprivate func tables(on index: Int) -> [(HostPhysicalAddress, level: Int)] {
    let address = FlatModel.base + UInt64(index) * kib4
    var tables: [(HostPhysicalAddress, level: Int)] = []
    var table = root
    for level in [3, 2, 1] {
      let entry = frames[table + (address >> UInt64(12 + 9 * level)) % 512 * 8]
      guard processor.isPresent(entry), entry & 0x80 == 0 else { break }
      table = HostPhysicalAddress(entry & 0x000F_FFFF_FFFF_F000)
      tables.append((table, level - 1))
    }
    return tables
  }
}
