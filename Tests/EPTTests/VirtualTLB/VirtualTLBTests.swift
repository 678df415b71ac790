import Memory
import Testing

@testable import EPT

private let low: UInt64 = 0x40_0000
private let high: UInt64 = 0xFFFF_8880_0000_0000
/// Guest-physical pages with nothing in them.
private let data: UInt64 = 0x80_0000
private let all: PlainGuest.Bits = [.writable, .user, .accessed, .dirty]

@Suite struct VirtualTLBFillTests {
  @Test func eachAccessFillsOnePage() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, all)
    guest.map(low + 4096, to: data + 0x5000, all)
    #expect(guest.access(.write, low + 8, user: true) == (guest.host(data + 8), 1))
    #expect(guest.access(.read, low + 16) == (guest.host(data + 16), 0))
    #expect(guest.access(.fetch, low + 4096, user: true) == (guest.host(data + 0x5000), 1))
    #expect(guest.bench.tlb.counters.fills == 2)
  }

  @Test func aPageIsWritableOnlyOnceTheGuestsDirtyBitIsSet() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, [.writable, .user])
    #expect(guest.access(.read, low) == (guest.host(data), 1))
    #expect(guest.bits(low).isSuperset(of: .accessed) && !guest.bits(low).contains(.dirty))
    #expect(guest.access(.write, low) == (guest.host(data), 1))
    #expect(guest.bits(low).isSuperset(of: [.accessed, .dirty]))
    #expect(guest.access(.write, low) == (guest.host(data), 0))
  }

  @Test func anEntryThatChangesUnderTheUpdateIsWalkedAgain() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, [.writable, .user])
    var refusals = 3
    guest.ram.interferes = {
      refusals -= 1
      return refusals >= 0
    }
    #expect(guest.access(.write, low) == (guest.host(data), 4))
    #expect(guest.bench.tlb.counters.fills == 1)
  }

  @Test func aTableThatIsNotHereIsAViolationOfTheWalk() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, [.user, .accessed])
    let table = guest.location(low)
    let index = try #require(GuestRAM.index(table))
    guest.ram.protect(index, [])
    #expect(
      guest.access(.read, low).0 == .violation(.read, granted: [], isGuestPageWalk: true, at: table))
    // Shared with other nodes, it serves as long as no bit has to be set.
    guest.ram.map(index, [.read, .execute])
    #expect(guest.access(.read, low).0 == guest.host(data))
    guest.map(low + 4096, to: data, [.user])
    #expect(
      guest.access(.read, low + 4096).0
        == .violation(.write, granted: [.read, .execute], isGuestPageWalk: true, at: table + 8))
    #expect(!guest.bits(low + 4096).contains(.accessed))
  }

  @Test func whatTheSecondLevelLacksIsAViolationOnceTheGuestsBitsAreSet() throws {
    let guest = try PlainGuest()
    guest.map(low, to: 64 << 20, [.writable, .user])
    let device = VirtualTLBBench.Outcome.violation(
      .write, granted: [], isGuestPageWalk: false, at: 64 << 20 + 12)
    #expect(guest.access(.write, low + 12) == (device, 1))
    #expect(guest.bits(low).isSuperset(of: [.accessed, .dirty]))
    #expect(guest.access(.write, low + 12) == (device, 1))

    guest.map(low, to: data, all)
    guest.ram.protect(GuestRAM.index(data)!, .read)
    #expect(guest.access(.read, low) == (guest.host(data), 1))
    #expect(
      guest.access(.write, low).0 == .violation(.write, granted: .read, isGuestPageWalk: false, at: data))
    #expect(
      guest.access(.fetch, low).0 == .violation(.execute, granted: .read, isGuestPageWalk: false, at: data))
  }

  @Test func aGuestFaultHasItsOwnErrorCodeAndSetsNothing() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, [.writable])
    #expect(guest.access(.write, low, user: true) == (.guestFault(7), 1))
    #expect(guest.bits(low).isDisjoint(with: [.accessed, .dirty]))
    #expect(guest.access(.read, low + 4096, user: true) == (.guestFault(4), 1))
    guest.map(low, to: data, [.noExecute])
    #expect(guest.access(.fetch, low) == (.guestFault(17), 1))
    // Without NXE the bit is reserved, and a fetch does not show in the error code.
    guest.paging.nxe = false
    guest.bench.setPaging()
    #expect(guest.access(.fetch, low) == (.guestFault(9), 1))
  }

  @Test func withoutPagingTheLow4GiBMapThemselvesByLargeLeaves() throws {
    let guest = try PlainGuest()
    guest.ram.mapLarge(region: 3, .all)
    guest.paging = GuestPaging()
    guest.bench.setPaging()
    #expect(guest.access(.write, 3 << 21, user: true) == (guest.host(3 << 21), 1))
    #expect(guest.access(.fetch, 4 << 21 - 1) == (guest.host(4 << 21 - 1), 0))
    #expect(guest.access(.read, 4 << 21) == (guest.host(4 << 21), 1))
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(3 << 21))
    #expect(guest.access(.read, 3 << 21).faults == 0)
  }
}

@Suite struct VirtualTLBProtectionTests {
  @Test func withWriteProtectClearASupervisorWritesAUsersReadOnlyPageThatStaysReadOnlyToUsers() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, [.user])
    #expect(guest.access(.write, low) == (.guestFault(3), 1))
    guest.paging.wp = false
    guest.bench.setPaging()
    #expect(guest.access(.read, low) == (guest.host(data), 1))
    #expect(guest.access(.write, low) == (guest.host(data), 1))
    #expect(guest.access(.write, low) == (guest.host(data), 0))
    #expect(guest.access(.write, low, user: true).0 == .guestFault(7))
    #expect(guest.access(.fetch, low, user: true).0 == guest.host(data))
    #expect(guest.bench.fault(GuestAccess(address: low, kind: .write), 3) == .filled)
    #expect(guest.bench.tlb.pendingInvalidation == .required)
    #expect(guest.access(.write, low) == (guest.host(data), 0))
    guest.paging.wp = true
    guest.bench.setPaging()
    #expect(guest.access(.write, low) == (.guestFault(3), 1))
  }

  @Test func withWriteProtectClearASupervisorsPageIsSimplyWritable() throws {
    let guest = try PlainGuest()
    guest.paging.wp = false
    guest.bench.setPaging()
    guest.map(low, to: data, [.accessed, .dirty])
    #expect(guest.access(.read, low) == (guest.host(data), 1))
    #expect(guest.access(.write, low) == (guest.host(data), 0))
  }

  @Test func smepHoldsForAPageThatASupervisorWroteWithWriteProtectClear() throws {
    let guest = try PlainGuest()
    guest.paging.wp = false
    guest.paging.smep = true
    guest.bench.setPaging()
    guest.map(low, to: data, [.user])
    #expect(guest.access(.write, low).0 == guest.host(data))
    #expect(guest.access(.fetch, low).0 == .guestFault(17))
    #expect(guest.access(.fetch, low, user: true).0 == guest.host(data))
    guest.paging.smep = false
    guest.bench.setPaging()
    #expect(guest.access(.write, low).0 == guest.host(data))
    #expect(guest.access(.fetch, low) == (guest.host(data), 0))
  }

  @Test func smapHoldsAfterTheOneInstructionThatWroteWithWriteProtectClear() throws {
    let guest = try PlainGuest()
    guest.paging.wp = false
    guest.paging.smap = true
    guest.bench.setPaging()
    guest.map(low, to: data, [.user])
    #expect(guest.access(.write, low, ac: true) == (guest.host(data), 1))
    #expect(guest.access(.write, low).0 == .guestFault(3))
    #expect(guest.access(.read, low).0 == .guestFault(1))
    #expect(guest.access(.read, low, ac: true).0 == guest.host(data))
    let write = GuestAccess(address: low, kind: .write, ac: true)
    #expect(guest.bench.fault(write, 3) == .filledForOneInstruction)
  }

  @Test func anImplicitAccessFaultsDespiteAC() throws {
    let guest = try PlainGuest()
    guest.paging.smap = true
    guest.bench.setPaging()
    guest.map(low, to: data, all)
    #expect(guest.access(.read, low, ac: true, implicit: true) == (.guestFault(1), 3))
    #expect(guest.access(.read, low, ac: true) == (guest.host(data), 0))
    // At CPL 3 it is known from the start.
    #expect(guest.access(.write, low, user: true, ac: true, implicit: true) == (.guestFault(3), 1))
    #expect(guest.access(.write, low, user: true) == (guest.host(data), 0))
  }

  @Test func aRefusalThatOnlyStalenessExplainsIsNoFault() throws {
    let guest = try PlainGuest()
    guest.paging.smap = true
    guest.bench.setPaging()
    guest.map(low, to: data, all)
    let read = GuestAccess(address: low, kind: .read, ac: true)
    #expect(guest.bench.fault(read, 1) == .filled)
    #expect(guest.bench.fault(read, 1) == .filled)
    #expect(guest.bench.tlb.pendingInvalidation == .required)
    // Anything in between, and it starts over.
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(high))
    #expect(guest.bench.fault(read, 1) == .filled)
    #expect(guest.bench.fault(read, 1) == .guestFault([.present], GuestVirtualAddress(low)))
  }

  @Test func processorsGetTheBitsThatShadowTablesNeed() {
    let off = ShadowControlRegisters(guestCR0: 0x11, guestCR4: 0x30_0000, guestEFER: 0x100)
    #expect((off.cr0, off.cr4, off.efer) == (0x8001_0011, 0x20, 0x800))
    let bits32 = ShadowControlRegisters(guestCR0: 0x8000_0011, guestCR4: 0x10_0090, guestEFER: 0)
    #expect((bits32.cr0, bits32.cr4, bits32.efer) == (0x8001_0011, 0x10_00B0, 0x800))
    let long = ShadowControlRegisters(guestCR0: 0x8001_0011, guestCR4: 0x30_00A0, guestEFER: 0x501)
    #expect((long.cr0, long.cr4, long.efer) == (0x8001_0011, 0x30_00A0, 0xD01))
  }
}

@Suite struct VirtualTLBFlushTests {
  @Test func whatTheGuestChangesShowsAfterINVLPGAtTheLatest() throws {
    let guest = try PlainGuest()
    for page in 0..<3 as Range<UInt64> { guest.map(low + page * 4096, to: data + page * 4096, all) }
    for page in 0..<3 as Range<UInt64> { _ = guest.access(.write, low + page * 4096) }
    guest.map(low + 4096, to: data + 0x9000, all)
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(low + 4096 + 77))
    #expect(guest.access(.write, low + 4096) == (guest.host(data + 0x9000), 1))
    #expect(guest.access(.write, low) == (guest.host(data), 0))
    #expect(guest.access(.write, low + 8192) == (guest.host(data + 8192), 0))
  }

  @Test func aFaultThatReachesTheGuestDropsWhatWasStale() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, [.user, .accessed])
    #expect(guest.access(.read, low).0 == guest.host(data))
    guest.ram.setEntry(0, at: guest.location(low), width: 8)
    #expect(guest.access(.read, low).0 == guest.host(data))
    #expect(guest.access(.write, low).0 == .guestFault(2))
    guest.map(low, to: data + 4096, [.user, .accessed])
    #expect(guest.access(.read, low).0 == guest.host(data + 4096))
    // A fault on what is not stale costs nothing later.
    #expect(guest.access(.write, low).0 == .guestFault(3))
    #expect(guest.bench.tlb.pendingInvalidation == .none)
    #expect(guest.access(.read, low) == (guest.host(data + 4096), 0))
  }

  @Test func aLoadOfCR3DropsJustWhatHasChanged() throws {
    let guest = try PlainGuest()
    for page in 0..<9 as Range<UInt64> { guest.map(low + page * 4096, to: data + page * 4096, all) }
    for page in 0..<9 as Range<UInt64> { _ = guest.access(.write, low + page * 4096) }
    guest.map(low, to: data + 0x9000, all)
    guest.map(low + 1 * 4096, to: data + 1 * 4096, all.subtracting(.writable))
    guest.map(low + 2 * 4096, to: data + 2 * 4096, all.subtracting(.user))
    guest.map(low + 3 * 4096, to: data + 3 * 4096, all.union(.noExecute))
    guest.map(low + 4 * 4096, to: data + 4 * 4096, all.subtracting(.accessed))
    guest.map(low + 5 * 4096, to: data + 5 * 4096, all.subtracting(.dirty))
    guest.ram.setEntry(0, at: guest.location(low + 6 * 4096), width: 8)
    guest.map(low + 7 * 4096, to: data + 7 * 4096 | 1 << 45, all)
    guest.bench.loadCR3()
    let faults = (0..<9).map { guest.access(.read, low + UInt64($0) * 4096).faults }
    #expect(faults == [1, 1, 1, 1, 1, 1, 1, 1, 0])
    #expect(guest.access(.read, low).0 == guest.host(data + 0x9000))
  }

  @Test func accessedBitsThatTheGuestClearsAboveALeafAreSetAgainAfterALoadOfCR3() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, all)
    guest.map(low + 0x20_0000, to: 4 << 21, all, level: 1)
    for address in [low, low + 0x20_0000] {
      #expect(guest.access(.read, address).faults == 1)
      let location = guest.location(address, level: 1)
      let entry = guest.ram.entry(at: location, width: 8)!
      guest.ram.setEntry(entry & ~0x20, at: location, width: 8)
      guest.bench.loadCR3()
      #expect(guest.access(.read, address).faults == 1)
      #expect(guest.ram.entry(at: location, width: 8) == entry)
    }
  }

  @Test func aSwitchBackToAnAddressSpaceCostsNoFaults() throws {
    let guest = try PlainGuest()
    let first = guest.paging.cr3
    let second = guest.newTable()
    for (cr3, base) in [(first, data), (second, data + 0x10_0000)] {
      guest.paging.cr3 = cr3
      guest.bench.loadCR3()
      for page in 0..<5 as Range<UInt64> {
        guest.map(low + page * 4096, to: base + page * 4096, all)
        #expect(guest.access(.write, low + page * 4096) == (guest.host(base + page * 4096), 1))
      }
    }
    // What happens to a page meanwhile is seen.
    guest.paging.cr3 = first
    guest.map(low + 4096, to: data + 0x9000, all)
    guest.bench.loadCR3()
    #expect((0..<5).map { guest.access(.write, low + UInt64($0) * 4096).faults } == [0, 1, 0, 0, 0])
    #expect(guest.access(.write, low + 4096).0 == guest.host(data + 0x9000))
    guest.paging.cr3 = second
    guest.bench.loadCR3()
    #expect(guest.access(.write, low) == (guest.host(data + 0x10_0000), 0))
  }

  @Test func theAddressSpaceThatWasActiveLongestAgoMakesRoomForANinth() throws {
    let guest = try PlainGuest()
    let spaces = [guest.paging.cr3] + (0..<8).map { _ in guest.newTable() }
    var faults: [Int] = []
    for space in spaces + [spaces[8], spaces[1], spaces[0]] {
      guest.paging.cr3 = space
      guest.bench.loadCR3()
      guest.map(low, to: data, all)
      faults.append(guest.access(.read, low).faults)
    }
    #expect(faults == [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1])
  }

  @Test func aLeafThatIsNotUsedForSomeLoadsOfCR3Goes() throws {
    let guest = try PlainGuest()
    for page in 0..<2 as Range<UInt64> { guest.map(low + page * 4096, to: data, all) }
    for page in 0..<2 as Range<UInt64> { _ = guest.access(.read, low + page * 4096) }
    for load in 1...16 {
      guest.bench.loadCR3()
      if load == 8 || load == 15 { #expect(guest.access(.read, low).faults == 0) }
    }
    #expect(guest.access(.read, low).faults == 0)
    #expect(guest.access(.read, low + 4096).faults == 1)
  }

  @Test func globalPagesOutliveALoadOfCR3AndServeEveryAddressSpace() throws {
    let guest = try PlainGuest()
    guest.map(high, to: data, all.union(.global))
    #expect(guest.access(.read, high) == (guest.host(data), 1))
    let shared = guest.ram.entry(at: guest.location(high, level: 3), width: 8)!
    // Not checked: it may be stale, as in a real TLB.
    guest.map(high, to: data + 4096, all.union(.global))
    guest.paging.cr3 = guest.newTable()
    guest.ram.setEntry(shared, at: guest.paging.cr3 + high >> 39 & 511 * 8, width: 8)
    guest.bench.loadCR3()
    #expect(guest.access(.read, high) == (guest.host(data), 0))
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(high))
    #expect(guest.access(.read, high) == (guest.host(data + 4096), 1))
  }

  @Test func changesOfPGEDropStaleGlobalPagesAlone() throws {
    let guest = try PlainGuest()
    guest.map(high, to: data, all.union(.global))
    guest.map(high + 4096, to: data, all.union(.global))
    _ = guest.access(.read, high)
    _ = guest.access(.read, high + 4096)
    guest.map(high, to: data + 4096, all.union(.global))
    for isOn in [false, true] {
      guest.paging.pge = isOn
      guest.bench.setPaging()
    }
    #expect(guest.access(.read, high) == (guest.host(data + 4096), 1))
    #expect(guest.access(.read, high + 4096) == (guest.host(data), 0))

    // While PGE is off, no page is global.
    guest.paging.pge = false
    guest.bench.setPaging()
    guest.map(high, to: data + 0x5000, all.union(.global))
    guest.bench.loadCR3()
    #expect(guest.access(.read, high + 4096) == (guest.host(data), 0))
    #expect(guest.access(.read, high) == (guest.host(data + 0x5000), 1))
  }

  @Test func aPageThatIsNoLongerGlobalDoesNotOutliveALoadOfCR3() throws {
    let guest = try PlainGuest()
    guest.map(high, to: data, all.union(.global))
    _ = guest.access(.read, high)
    guest.map(high, to: data, all)
    for isOn in [false, true] {
      guest.paging.pge = isOn
      guest.bench.setPaging()
    }
    #expect(guest.access(.read, high).0 == guest.host(data))
    guest.map(high, to: data + 4096, all)
    guest.bench.loadCR3()
    #expect(guest.access(.read, high).0 == guest.host(data + 4096))
  }

  @Test func addressSpacesMayDifferInTheirUpperHalves() throws {
    let guest = try PlainGuest()
    let first = guest.paging.cr3
    guest.map(high, to: data, all.union(.global))
    guest.map(high + 4096, to: data + 4096, all)
    _ = guest.access(.read, high)
    #expect(guest.access(.read, high + 4096) == (guest.host(data + 4096), 1))
    #expect(guest.access(.read, high).0 == guest.host(data))

    guest.paging.cr3 = guest.newTable()
    guest.bench.loadCR3()
    guest.map(high + 4096, to: data + 0x9000, all)
    #expect(guest.access(.read, high + 4096) == (guest.host(data + 0x9000), 1))
    guest.paging.cr3 = first
    guest.bench.loadCR3()
    #expect(guest.access(.read, high + 4096) == (guest.host(data + 4096), 0))
    // A global page is in the shared table and in the address space's own: INVLPG reaches both.
    guest.map(high, to: data + 0x5000, all.union(.global))
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(high))
    #expect(guest.access(.read, high) == (guest.host(data + 0x5000), 1))
    let entry = guest.ram.entry(at: guest.location(high, level: 3), width: 8)!
    guest.paging.cr3 = guest.newTable()
    guest.ram.setEntry(entry, at: guest.paging.cr3 + high >> 39 & 511 * 8, width: 8)
    guest.bench.loadCR3()
    #expect(guest.access(.read, high).0 == guest.host(data + 0x5000))
    #expect(guest.bench.inconsistency() == nil)
  }

  @Test func aGlobalPageOfTheLowerHalfIsCheckedLikeAnyOther() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, all.union(.global))
    _ = guest.access(.read, low)
    guest.map(low, to: data + 4096, all.union(.global))
    guest.bench.loadCR3()
    #expect(guest.access(.read, low) == (guest.host(data + 4096), 1))
  }

  @Test func aChangeOfModeStartsOver() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, all)
    _ = guest.access(.read, low)
    let long = guest.paging
    guest.paging = GuestPaging()
    guest.bench.setPaging()
    #expect(guest.access(.read, low) == (guest.host(low), 1))
    guest.paging = long
    guest.bench.loadCR3()
    #expect(guest.access(.read, low) == (guest.host(data), 1))
    guest.paging = GuestPaging()
    guest.bench.loadCR3()
    #expect(guest.access(.read, low) == (guest.host(low), 1))
    #expect(guest.bench.inconsistency() == nil)
  }

  @Test func registersThatDoNotConcernPagingChangeNothing() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, all)
    _ = guest.access(.read, low)
    guest.bench.setPaging()
    #expect(guest.bench.tlb.pendingInvalidation == .none)
  }
}

@Suite struct VirtualTLBLargePageTests {
  @Test func aLargePageOverALargeFrameIsOneLeaf() throws {
    let guest = try PlainGuest()
    guest.ram.mapLarge(region: 4, .all)
    guest.map(low, to: 4 << 21, all, level: 1)
    #expect(guest.access(.write, low + 5) == (guest.host(4 << 21 + 5), 1))
    #expect(guest.access(.fetch, low + 0x1F_FFFF) == (guest.host(5 << 21 - 1), 0))

    // One small page of it is taken away: the leaf goes, and small ones come.
    let index = try #require(GuestRAM.index(4 << 21 + 0x3000))
    guest.ram.protect(index, .read)
    #expect(guest.bench.secondLevelChanged(index) == .required)
    #expect(
      guest.access(.write, low + 0x3000).0
        == .violation(.write, granted: .read, isGuestPageWalk: false, at: 4 << 21 + 0x3000))
    #expect(guest.access(.write, low + 0x4000) == (guest.host(4 << 21 + 0x4000), 1))
    #expect(guest.access(.write, low + 0x5000) == (guest.host(4 << 21 + 0x5000), 1))
    #expect(guest.bench.inconsistency() == nil)

    // Small leaves become a large one again.
    guest.bench.secondLevelChanged(index)
    for index in 2048..<2560 {
      guest.ram.protect(index, [])
      guest.bench.secondLevelChanged(index)
    }
    guest.ram.mapLarge(region: 4, .all)
    #expect(guest.access(.write, low + 0x3000) == (guest.host(4 << 21 + 0x3000), 1))
    #expect(guest.access(.write, low + 0x4000) == (guest.host(4 << 21 + 0x4000), 0))
    #expect(guest.bench.inconsistency() == nil)
  }

  @Test func aLoadOfCR3ChecksEachLargePage() throws {
    let guest = try PlainGuest()
    for region in 0..<3 as Range<UInt64> {
      guest.ram.mapLarge(region: 4 + Int(region), .all)
      guest.map(low + region << 21, to: (4 + region) << 21, all, level: 1)
      _ = guest.access(.write, low + region << 21)
    }
    guest.map(low + 1 << 21, to: 6 << 21, all, level: 1)
    guest.bench.loadCR3()
    #expect((0..<3).map { guest.access(.write, low + $0 << 21).faults } == [0, 1, 0])
    #expect(guest.access(.write, low + 1 << 21).0 == guest.host(6 << 21))

    // The last one becomes small pages that begin alike.
    guest.ram.setEntry(0, at: guest.location(low + 2 << 21, level: 1), width: 8)
    guest.map(low + 2 << 21, to: 6 << 21, all)
    guest.map(low + 2 << 21 + 4096, to: data, all)
    guest.bench.loadCR3()
    #expect(guest.access(.write, low + 2 << 21 + 4096).0 == guest.host(data))
  }

  @Test func invlpgDropsAllPartsOfALargePage() throws {
    let guest = try PlainGuest()
    let gib: UInt64 = 1 << 30
    guest.map(low, to: 4 << 21, all, level: 1)
    guest.map(8 * gib, to: 0, all, level: 2)
    guest.map(low + 0x20_0000, to: data, all)
    let parts = [low, low + 0x7000]
    let largeParts = [8 * gib, 8 * gib + 0x1000, 8 * gib + 0x60_0000]
    for address in parts + largeParts + [low + 0x20_0000] { _ = guest.access(.write, address) }

    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(low + 0x12_3456))
    #expect(parts.map { guest.access(.write, $0).faults } == [1, 1])
    #expect(guest.access(.write, low + 0x20_0000).faults == 0)
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(8 * gib + gib / 2))
    #expect(largeParts.map { guest.access(.write, $0).faults } == [1, 1, 1])
    #expect(parts.map { guest.access(.write, $0).faults } == [0, 0])
    #expect(guest.bench.inconsistency() == nil)
  }

  @Test(arguments: [false, true]) func invlpgDropsBothHalvesOf4MiB(areFramesLarge: Bool) throws {
    let guest = try PlainGuest()
    if areFramesLarge {
      for region in [4, 5] { guest.ram.mapLarge(region: region, .all) }
    }
    guest.paging.mode = .bits32
    guest.paging.cr3 = guest.newTable()
    guest.bench.setPaging()
    guest.map(0x40_0000, to: 4 << 21, all, level: 1)
    for half in [0x40_0000, 0x60_0000] as [UInt64] { _ = guest.access(.write, half) }
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(0x41_0000))
    #expect(guest.access(.write, 0x60_0000) == (guest.host(5 << 21), 1))
    #expect(guest.access(.write, 0x40_0000) == (guest.host(4 << 21), 1))
    // Of an operand that is wider than an address, 32 bits count.
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(0xFFFF_FFFF_0041_0000))
    #expect(guest.access(.write, 0x40_0000).faults == 1)
  }

  @Test func pagesThatBecomePartsOfALargeOneAreDroppedWithIt() throws {
    let guest = try PlainGuest()
    for page in 0..<2 as Range<UInt64> { guest.map(low + page * 4096, to: 4 << 21 + page * 4096, all) }
    for page in 0..<2 as Range<UInt64> { _ = guest.access(.write, low + page * 4096) }
    guest.map(low, to: 4 << 21, all, level: 1)
    guest.bench.loadCR3()
    #expect(guest.access(.write, low).faults == 0)
    guest.bench.tlb.invalidatePage(at: GuestVirtualAddress(low + 4096))
    #expect(guest.access(.write, low).faults == 1)
  }
}

@Suite struct VirtualTLBSecondLevelTests {
  @Test func whatIsTakenAwayGoesFromEveryEntryOfThatPageAlone() throws {
    let guest = try PlainGuest()
    let aliases = [low, low + 0x100_0000, high, high + 0x5000]
    for alias in aliases { guest.map(alias, to: data, alias < high ? all : all.union(.global)) }
    guest.map(low + 4096, to: data + 4096, all)
    for address in aliases + [low + 4096] { _ = guest.access(.write, address) }
    // One more in an address space that is not active.
    guest.paging.cr3 = guest.newTable()
    guest.bench.loadCR3()
    guest.map(low, to: data, all)
    _ = guest.access(.write, low)

    let index = try #require(GuestRAM.index(data))
    guest.ram.protect(index, [.read, .execute])
    #expect(guest.bench.secondLevelChanged(index) == .required)
    #expect(guest.bench.tlb.pendingInvalidation == .required)
    #expect(guest.bench.secondLevelChanged(index) == .none)
    #expect(guest.bench.inconsistency() == nil)
    #expect(guest.access(.read, low) == (guest.host(data), 0))
    #expect(
      guest.access(.write, low).0
        == .violation(.write, granted: [.read, .execute], isGuestPageWalk: false, at: data))

    guest.ram.protect(index, [])
    #expect(guest.bench.secondLevelChanged(index) == .required)
    #expect(guest.bench.inconsistency() == nil)
    #expect(guest.bench.secondLevelChanged(index) == .none)
    guest.paging.cr3 = 0x1000
    guest.bench.loadCR3()
    #expect(guest.access(.write, low + 4096).faults == 0)
    for alias in aliases { #expect(guest.access(.read, alias).faults == 1) }
  }

  @Test func whatIsMappedNowhereNeedsNoShootdown() throws {
    let guest = try PlainGuest()
    guest.map(low, to: data, all)
    _ = guest.access(.write, low)
    let index = try #require(GuestRAM.index(data + 4096))
    guest.ram.protect(index, [])
    #expect(guest.bench.secondLevelChanged(index) == .none)
    #expect(guest.bench.tlb.pendingInvalidation == .none)
  }
}

@Suite struct VirtualTLBStorageTests {
  @Test func framesMustBeEnoughAndBelow4GiB() {
    func error(_ frameCount: Int, _ base: UInt64) -> VirtualTLBError? {
      do throws(VirtualTLBError) {
        let frames = ShadowFrames(frameCount: frameCount)
        _ = try VirtualTLB(
          memory: ArrayShadowMemory(frames: frames, base: HostPhysicalAddress(base)),
          paging: GuestPaging().walk)
        return nil
      } catch {
        return error
      }
    }
    #expect(error(255, 0x1000) == .tooFewFrames)
    #expect(error(256, 0x1000) == nil)
    #expect(error(256, 0x1008) == .misplaced)
    #expect(error(256, 1 << 32 - 256 << 12) == nil)
    #expect(error(256, 1 << 32 - 255 << 12) == .misplaced)
    #expect(error(256, ~0xFFF) == .misplaced)
  }

  @Test func tablesThatRunOutCostOtherAddressSpacesFirstAndNeverAnAccess() throws {
    let guest = try PlainGuest(frameCount: 256)
    let first = guest.paging.cr3
    for _ in 0..<2 {
      guest.map(low, to: data, all)
      _ = guest.access(.write, low)
      guest.paging.cr3 = guest.newTable()
      guest.bench.loadCR3()
    }
    var counters: [VirtualTLBCounters] = []
    for region in 0..<100 as Range<UInt64> {
      guest.map(region << 21, to: data + region << 12, all)
      #expect(guest.access(.write, region << 21).0 == guest.host(data + region << 12))
      counters.append(guest.bench.tlb.counters)
    }
    #expect(counters.first { $0.evictions == 1 }?.exhaustions == 0)
    #expect(counters.first { $0.evictions == 2 }?.exhaustions == 0)
    #expect(counters.last == VirtualTLBCounters(fills: 102, evictions: 2, exhaustions: 1))
    #expect(guest.bench.inconsistency() == nil)
    guest.bench.loadCR3()
    #expect(guest.access(.write, 99 << 21).faults == 0)
    guest.paging.cr3 = first
    guest.bench.loadCR3()
    #expect(guest.access(.write, low) == (guest.host(data), 1))
  }

  @Test func tablesThatAFlushLeavesEmptyAreFreed() throws {
    let guest = try PlainGuest()
    let free = guest.bench.tlb.tables.freeCount
    guest.map(low, to: data, all)
    _ = guest.access(.read, low)
    #expect(guest.bench.tlb.tables.freeCount == free - 3)
    guest.ram.setEntry(0, at: guest.location(low), width: 8)
    guest.bench.loadCR3()
    guest.bench.flush()
    #expect(guest.bench.tlb.tables.freeCount == free)
  }

  @Test func aRetiredTableWaitsForTheFlush() throws {
    let guest = try PlainGuest(frameCount: 256)
    var region: UInt64 = 0
    while guest.bench.tlb.tables.retiredCount == 0 {
      guest.map(region << 21, to: data, all)
      _ = guest.bench.fault(GuestAccess(address: region << 21, kind: .read), 0)
      region += 1
    }
    let retired = guest.bench.tlb.tables.retiredCount
    #expect(guest.bench.tlb.pendingInvalidation == .required)
    let fills = guest.bench.tlb.counters.fills
    for _ in 0..<3 {
      #expect(guest.bench.fault(GuestAccess(address: 0, kind: .read), 0) == .filled)
    }
    #expect(guest.bench.tlb.counters.fills == fills)
    #expect(guest.bench.tlb.tables.retiredCount >= retired)
    guest.bench.flush()
    #expect(guest.bench.fault(GuestAccess(address: 0, kind: .read), 0) == .filled)
    #expect(guest.bench.tlb.counters.fills == fills + 1)
    #expect(guest.bench.inconsistency() == nil)
  }
}
