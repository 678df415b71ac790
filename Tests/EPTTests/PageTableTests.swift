import Memory
import Testing

@testable import EPT

private let processors: [any SecondLevelProcessor] = [EPTProcessor(), NPTProcessor()]

@Test(arguments: processors)
func everyPermissionAndTypeOfTheFormatReachesTheProcessor(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    for size: PageSize in [.page4K, .page2M, .page1G] {
      for permissions in processor.permissions {
        for memoryType in processor.memoryTypes {
          let host = HostPhysicalAddress(7 * size.bytes)
          _ = try bench.table.map(
            GuestPhysicalAddress(3 * gib1), to: host, size: size, permissions: permissions,
            memoryType: memoryType)
          bench.table.releaseRetired()
          let offset = size.bytes - 8
          let expected = Mapping(
            host: host + offset, size: size, permissions: permissions, memoryType: memoryType)
          #expect(bench.walk(3 * gib1 + offset) == .mapped(expected))
          #expect(bench.table.translate(GuestPhysicalAddress(3 * gib1 + offset)) == expected)
          #expect(bench.mapping(3 * gib1 + size.bytes) == nil)
          #expect(bench.mapping(3 * gib1 - 1) == nil)
        }
      }
    }
    #expect(!bench.hasMalformedEntry)
  }
  try check(processor)
}

@Test func entriesHaveTheBitsOfTheManuals() {
  let leaf = Mapping(
    host: HostPhysicalAddress(0x1_2340_0000), size: .page2M, permissions: [.read, .execute],
    memoryType: .writeBack)
  #expect(EPTFormat.encode(leaf) == 0x1_2340_00F5)
  #expect(NPTFormat.encode(leaf) == 0x1_2340_00E5)
  let page = Mapping(
    host: HostPhysicalAddress(0x5000), size: .page4K, permissions: [.read, .write], memoryType: .uncacheable)
  #expect(EPTFormat.encode(page) == 0x5043)
  #expect(NPTFormat.encode(page) == 0x8000_0000_0000_507F)
  #expect(EPTFormat.encode(table: HostPhysicalAddress(0x7000)) == 0x7007)
  #expect(NPTFormat.encode(table: HostPhysicalAddress(0x7000)) == 0x7027)
}

@Test(arguments: processors)
func aRangeIsMappedByTheLargestLeavesThatFit(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    let start = gib1 - mib2 - kib4
    let invalidation = try bench.table.map(
      pages(start, 2 * mib2 + gib1 + 2 * kib4), to: HostPhysicalAddress(start + 4 * gib1), permissions: .all)
    #expect(invalidation == .none)
    let sizes = [start, gib1 - mib2, gib1, 2 * gib1, 2 * gib1 + mib2].map { bench.mapping($0)?.size }
    #expect(sizes == [.page4K, .page2M, .page1G, .page2M, .page4K])
    #expect(bench.mapping(start - 1) == nil)
    #expect(bench.mapping(2 * gib1 + mib2 + kib4) == nil)
    #expect(bench.frames.live == 1 + 1 + 2 + 2)
  }
  try check(processor)
}

@Test(arguments: processors)
func aHostAddressThatIsLessAlignedMakesSmallerLeaves(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    _ = try bench.table.map(pages(0, 2 * mib2), to: HostPhysicalAddress(kib4), permissions: .all)
    #expect(bench.mapping(mib2)?.size == .page4K)
    #expect(bench.mapping(mib2)?.host == HostPhysicalAddress(mib2 + kib4))
    _ = try bench.table.map(pages(gib1, gib1), to: HostPhysicalAddress(gib1 + mib2), permissions: .all)
    #expect(bench.mapping(gib1)?.size == .page2M)
  }
  try check(processor)
}

@Test func noLeafIsLargerThanTheProcessorSupports() throws {
  for largest in 0...1 {
    let bench = try TableBench(EPTProcessor(largestLevel: largest), capacity: 600)
    _ = try bench.table.map(pages(0, gib1), to: HostPhysicalAddress(0), permissions: .all)
    #expect(bench.mapping(0)?.size == PageSize(rawValue: largest))
    let unsupported = PageSize(rawValue: largest + 1)!
    let error = bench.error { table throws(PageTableError) in
      try table.map(
        GuestPhysicalAddress(0), to: HostPhysicalAddress(0), size: unsupported, permissions: .all)
    }
    #expect(error == .unsupportedPageSize)
    _ = try bench.table.merge(pages(0, gib1))
    #expect(bench.mapping(0)?.size == PageSize(rawValue: largest))
    #expect(!bench.hasMalformedEntry)
  }
  #expect(NPTFormat(has1GPages: false, physicalAddressWidth: 48).largestPage == .page2M)
}

@Test(arguments: processors)
func aChangeOfOnePageSplitsTheLeafAndMergingUndoesIt(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    let page = gib1 + 5 * mib2 + 7 * kib4
    _ = try bench.table.map(
      GuestPhysicalAddress(gib1), to: HostPhysicalAddress(8 * gib1), size: .page1G, permissions: .all)
    #expect(bench.frames.live == 2)

    let split = try bench.table.protect(pages(page, kib4), .read)
    #expect(split == .required)
    #expect(bench.frames.live == 4)
    #expect(bench.mapping(page)?.permissions == .read)
    #expect(bench.mapping(page)?.host == HostPhysicalAddress(8 * gib1 + 5 * mib2 + 7 * kib4))
    #expect(bench.mapping(page - 1)?.permissions == .all)
    #expect(bench.mapping(page + kib4)?.size == .page4K)
    #expect(bench.mapping(gib1)?.size == .page2M)

    let kept = try bench.table.merge(pages(page, kib4))
    #expect(kept == .none)
    #expect(bench.mapping(page)?.size == .page4K)

    let raised = try bench.table.protect(pages(page, kib4), .all)
    #expect(raised == .none)
    let merged = try bench.table.merge(pages(page, kib4))
    #expect(merged == .required)
    #expect(bench.mapping(page)?.size == .page1G)
    #expect(bench.mapping(page)?.host == HostPhysicalAddress(8 * gib1 + 5 * mib2 + 7 * kib4))
    #expect(bench.table.retiredCount == 2)
    #expect(bench.frames.live == 4)
    bench.table.releaseRetired()
    #expect(bench.frames.live == 2)
  }
  try check(processor)
}

@Test(arguments: processors)
func pagesThatOneLeafCannotSayStayUnmerged(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    func map(_ page: UInt64, _ host: UInt64, _ count: UInt64 = 1, _ type: MemoryType = .writeBack) throws {
      _ = try bench.table.map(
        pages(page * kib4, count * kib4), to: HostPhysicalAddress(host * kib4), permissions: .all,
        memoryType: type)
    }
    func isMerged() throws -> Bool {
      let writes = bench.frames.writes
      let invalidation = try bench.table.merge(pages(0, mib2))
      #expect((invalidation == .required) == (bench.frames.writes != writes))
      return invalidation == .required
    }
    try map(0, 1, 512)
    #expect(try !isMerged())
    try map(0, 1024, 511)
    #expect(try !isMerged())
    try map(511, 1024 + 510)
    #expect(try !isMerged())
    try map(511, 1024 + 511, 1, .uncacheable)
    #expect(try !isMerged())
    try map(511, 1024 + 511)
    #expect(try isMerged())
  }
  try check(processor)
}

@Test(arguments: processors)
func onlyWhatMayBeCachedWronglyNeedsAnInvalidation(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    let page = GuestPhysicalAddress(kib4)
    func map(
      _ host: UInt64, _ permissions: PagePermissions, _ type: MemoryType = .writeBack
    ) throws -> Invalidation {
      try bench.table.map(
        page, to: HostPhysicalAddress(host), size: .page4K, permissions: permissions, memoryType: type)
    }
    #expect(try map(kib4, .read) == .none)
    #expect(try map(kib4, .read) == .none)
    #expect(try map(kib4, [.read, .write]) == .none)
    #expect(try map(kib4, .all) == .none)
    #expect(try map(kib4, [.read, .execute]) == .required)
    #expect(try map(kib4, [.read, .write]) == .required)
    #expect(try map(2 * kib4, [.read, .write]) == .required)
    #expect(try map(2 * kib4, [.read, .write], .uncacheable) == .required)
    let range = page..<page + kib4
    #expect(try bench.table.protect(range, .all) == .none)
    #expect(try bench.table.protect(range, .read) == .required)
    #expect(try bench.table.unmap(range) == .required)
    #expect(try bench.table.unmap(range) == .none)
    #expect(try bench.table.protect(range, .all) == .none)
    #expect(bench.table.retiredCount == 0)

    // A larger leaf in the place of a table, and a page in the place of part of a larger leaf.
    #expect(
      try bench.table.map(
        GuestPhysicalAddress(0), to: HostPhysicalAddress(mib2), size: .page2M, permissions: .all) == .required
    )
    #expect(bench.table.retiredCount == 1)
    #expect(try map(kib4, .all) == .required)

    // A split by itself: the page size changes, though no permission is taken away.
    _ = try bench.table.map(
      GuestPhysicalAddress(gib1), to: HostPhysicalAddress(0), size: .page2M, permissions: .read)
    #expect(try bench.table.protect(pages(gib1, kib4), .all) == .required)
  }
  try check(processor)
}

@Test(arguments: processors)
func aPageThatALargerLeafMapsLikewiseLeavesItWhole(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    _ = try bench.table.map(
      GuestPhysicalAddress(gib1), to: HostPhysicalAddress(0), size: .page1G, permissions: .all)
    let writes = bench.frames.writes
    let mapped = try bench.table.map(
      pages(gib1 + kib4, kib4), to: HostPhysicalAddress(kib4), permissions: .all)
    let protected = try bench.table.protect(pages(gib1 + kib4, mib2), .all)
    #expect(mapped == .none && protected == .none)
    #expect(bench.frames.writes == writes)
  }
  try check(processor)
}

@Test(arguments: processors)
func aPageWhoseTableExistsCostsOneStore(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    _ = try bench.table.map(pages(0, kib4), to: HostPhysicalAddress(0), permissions: .all)
    let writes = bench.frames.writes
    _ = try bench.table.map(pages(kib4, kib4), to: HostPhysicalAddress(0), permissions: .all)
    _ = try bench.table.protect(pages(kib4, kib4), .read)
    _ = try bench.table.unmap(pages(kib4, kib4))
    #expect(bench.frames.writes == writes + 3)
  }
  try check(processor)
}

@Test(arguments: processors)
func unmappingWholeTablesRetiresThemUntilTheyAreReleased(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    // Misaligned frames: 4 KiB leaves in three tables, below two tables of level 1 and one of level 2.
    _ = try bench.table.map(pages(gib1 - mib2, 3 * mib2), to: HostPhysicalAddress(kib4), permissions: .all)
    #expect(bench.frames.live == 1 + 1 + 2 + 3)
    let writes = bench.frames.writes
    let invalidation = try bench.table.unmap(pages(0, 1 << 48))
    #expect(invalidation == .required)
    #expect(bench.frames.writes == writes + 1 + 6)
    #expect(bench.mapping(gib1) == nil)
    #expect(bench.table.retiredCount == 6)
    #expect(bench.frames.frees == 0)
    bench.table.releaseRetired()
    #expect(bench.table.retiredCount == 0)
    #expect(bench.frames.live == 1)
  }
  try check(processor)
}

@Test(arguments: processors)
func mergingFreesTablesThatUnmappingLeftEmpty(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    for page in [0, 1, 600, 1 << 30] as [UInt64] {
      _ = try bench.table.map(pages(page * kib4, kib4), to: HostPhysicalAddress(0), permissions: .all)
    }
    for page in [0, 600, 1 << 30] as [UInt64] { _ = try bench.table.unmap(pages(page * kib4, kib4)) }
    let before = bench.frames.live
    let invalidation = try bench.table.merge(pages(0, 1 << 48))
    #expect(invalidation == .required)
    bench.table.releaseRetired()
    #expect(before == 1 + 2 + 2 + 3)
    #expect(bench.frames.live == 1 + 1 + 1 + 1)
    #expect(bench.mapping(kib4) != nil)
  }
  try check(processor)
}

@Test(arguments: processors)
func addressesThatTablesCannotHoldAreErrors(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    let top: UInt64 = 1 << 48
    let hostTop: UInt64 = 1 << processor.physicalAddressWidth
    func map(_ guest: UInt64, _ bytes: UInt64, _ host: UInt64) -> PageTableError? {
      bench.error { table throws(PageTableError) in
        try table.map(pages(guest, bytes), to: HostPhysicalAddress(host), permissions: .all)
      }
    }
    func map(_ guest: UInt64, _ size: PageSize, _ host: UInt64) -> PageTableError? {
      bench.error { table throws(PageTableError) in
        try table.map(
          GuestPhysicalAddress(guest), to: HostPhysicalAddress(host), size: size, permissions: .all)
      }
    }
    let contents = bench.frames.contents
    #expect(map(1, kib4, 0) == .misaligned)
    #expect(map(0, 8, 0) == .misaligned)
    #expect(map(0, kib4, 2048) == .misaligned)
    #expect(map(kib4, .page2M, 0) == .misaligned)
    #expect(map(0, .page1G, mib2) == .misaligned)
    #expect(map(top, kib4, 0) == .guestAddressOutOfRange)
    #expect(map(top - kib4, 2 * kib4, 0) == .guestAddressOutOfRange)
    #expect(map(0 &- 2 * kib4, kib4, 0) == .guestAddressOutOfRange)
    #expect(map(top, .page1G, 0) == .guestAddressOutOfRange)
    #expect(map(0 &- gib1, .page1G, 0) == .guestAddressOutOfRange)
    #expect(map(0, kib4, hostTop) == .hostAddressOutOfRange)
    #expect(map(0, 2 * kib4, hostTop - kib4) == .hostAddressOutOfRange)
    #expect(map(0, kib4, 0 &- kib4) == .hostAddressOutOfRange)
    #expect(map(0, top, kib4) == .hostAddressOutOfRange)
    #expect(bench.error { table throws(PageTableError) in try table.unmap(pages(0, 100)) } == .misaligned)
    #expect(
      bench.error { table throws(PageTableError) in try table.protect(pages(top, kib4), .all) }
        == .guestAddressOutOfRange)
    #expect(
      bench.error { table throws(PageTableError) in try table.merge(pages(top, kib4)) }
        == .guestAddressOutOfRange)
    #expect(bench.frames.contents == contents)

    #expect(map(top - kib4, kib4, hostTop - kib4) == nil)
    #expect(bench.mapping(top - 1)?.host == HostPhysicalAddress(hostTop - 1))
    #expect(bench.table.translate(GuestPhysicalAddress(top - 1))?.host == HostPhysicalAddress(hostTop - 1))
    #expect(bench.table.translate(GuestPhysicalAddress(top)) == nil)
    #expect(bench.table.translate(GuestPhysicalAddress(.max)) == nil)
    #expect(map(top, 0, 0) == nil)
    #expect(bench.error { table throws(PageTableError) in try table.unmap(pages(kib4, 0)) } == nil)
  }
  try check(processor)
}

@Test func permissionsWithoutAnEncodingAreErrors() throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    let bench = try TableBench(processor)
    for bits: UInt8 in 0..<8 {
      let permissions = PagePermissions(rawValue: bits)
      let expected: PageTableError? =
        processor.permissions.contains(permissions) ? nil : .unsupportedPermissions
      let range = pages(0, kib4)
      let mapped = bench.error { table throws(PageTableError) in
        try table.map(range, to: HostPhysicalAddress(0), permissions: permissions)
      }
      #expect(mapped == expected)
      let protected = bench.error { table throws(PageTableError) in try table.protect(range, permissions) }
      #expect(protected == expected)
    }
    #expect(!bench.hasMalformedEntry)
  }
  try check(EPTProcessor())
  try check(EPTProcessor(hasExecuteOnly: false))
  try check(NPTProcessor())
}

@Test func typesThatTheHostPATDoesNotOfferAreErrors() throws {
  let bench = try TableBench(NPTProcessor())
  for type: MemoryType in [.writeCombining, .writeProtected] {
    let error = bench.error { table throws(PageTableError) in
      try table.map(pages(0, kib4), to: HostPhysicalAddress(0), permissions: .all, memoryType: type)
    }
    #expect(error == .unsupportedMemoryType)
  }
}

@Test(arguments: processors)
func whatNeedsMoreTablesThanThereAreChangesNothing(_ processor: any SecondLevelProcessor) throws {
  func check(_ processor: some SecondLevelProcessor) throws {
    // From the middle of one gigabyte to the middle of the next: 1 + 2 + 2 tables below the root. Splitting two
    // leaves of 1 GiB down to pages takes 2 + 2.
    let range = pages(gib1 - kib4, 2 * kib4)
    for capacity in 1...6 {
      let bench = try TableBench(processor, capacity: capacity)
      let contents = bench.frames.contents
      let error = bench.error { table throws(PageTableError) in
        try table.map(range, to: HostPhysicalAddress(0), permissions: .all)
      }
      #expect(error == (capacity < 6 ? .outOfTables : nil))
      if error != nil { #expect(bench.frames.contents == contents) }
    }
    for capacity in 2...6 {
      let bench = try TableBench(processor, capacity: capacity)
      _ = try bench.table.map(pages(0, 2 * gib1), to: HostPhysicalAddress(0), permissions: .all)
      let contents = bench.frames.contents
      let error = bench.error { table throws(PageTableError) in try table.unmap(range) }
      #expect(error == (capacity < 6 ? .outOfTables : nil))
      if error != nil { #expect(bench.frames.contents == contents) }
    }
    let frames = TableFrames(capacity: 0)
    #expect(throws: PageTableError.outOfTables) {
      _ = try PageTable(format: processor.format, memory: ArrayTableMemory(frames: frames))
    }
  }
  try check(processor)
}
