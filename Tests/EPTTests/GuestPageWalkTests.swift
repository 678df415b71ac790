import EPT
import Memory
import Support
import Testing

/// Hand-made tables, one for each rule of the SDM's chapter on paging.
@Suite struct GuestPageWalkTests {
  private typealias Failure = GuestPageWalk.Failure

  private static let supervisor = GuestPageWalk.Access.Privilege.supervisor(accessControl: false)

  /// A guest's address space: registers, and tables that `map` makes.
  private struct Guest {
    var cr0: UInt64 = 0x8001_0001  // PG, WP, PE
    var cr3: UInt64 = 0x1000
    var cr4: UInt64 = 0x20  // PAE
    var efer: UInt64 = 0xD00  // NXE, LMA, LME
    var processor = GuestPageWalk.Processor(
      physicalAddressWidth: 46, hasGigabytePages: true, reservesGlobalBitOfPML4: false)
    var pointers = InlineArray<4, UInt64>(repeating: 0)
    var memory = ArrayGuestMemory(count: 0x8000)

    static var level4: Guest { Guest() }
    static var pae: Guest { Guest(efer: 0x800) }
    static var bits32: Guest { Guest(cr4: 0x10, efer: 0) }

    init(cr4: UInt64 = 0x20, efer: UInt64 = 0xD00) {
      self.cr4 = cr4
      self.efer = efer
    }

    mutating func store(_ entry: UInt64, table: UInt64, index: UInt64) {
      let wide = cr4 & 0x20 != 0
      for byte in 0..<(wide ? 8 : 4) {
        memory.bytes[Int(table + index * (wide ? 8 : 4)) + byte] = UInt8(
          truncatingIfNeeded: entry >> (8 * byte))
      }
    }

    mutating func translate(
      _ address: UInt64, _ kind: GuestPageWalk.Access.Kind = .read,
      _ privilege: GuestPageWalk.Access.Privilege = supervisor
    ) throws(Failure) -> GuestPageWalk.Translation {
      let walk = GuestPageWalk(
        cr0: cr0, cr3: cr3, cr4: cr4, efer: efer, processor: processor, pageDirectoryPointers: pointers)
      return try walk.translate(
        GuestVirtualAddress(address), for: GuestPageWalk.Access(kind, privilege), memory: &memory)
    }

    /// The error code of the page fault, or nil where there is a translation.
    mutating func fault(
      _ address: UInt64, _ kind: GuestPageWalk.Access.Kind = .read,
      _ privilege: GuestPageWalk.Access.Privilege = supervisor
    ) -> UInt32? {
      do throws(Failure) {
        _ = try translate(address, kind, privilege)
        return nil
      } catch {
        guard case .pageFault(let code) = error else { return .max }
        return code.rawValue
      }
    }
  }

  /// 4-level tables for the address with index 1 at every level: PML4 at 0x1000, PDPT at 0x2000, PD at 0x3000,
  /// PT at 0x4000, each level with these flags.
  private func fourLevels(pte: UInt64, flags: UInt64 = 7) -> Guest {
    var guest = Guest.level4
    for table: UInt64 in 1...3 { guest.store((table + 1) << 12 | flags, table: table << 12, index: 1) }
    guest.store(pte, table: 0x4000, index: 1)
    return guest
  }

  private let address: UInt64 = 1 << 39 | 1 << 30 | 1 << 21 | 1 << 12 | 0xABC

  @Test func withoutPagingTheLow32BitsAreTheAddress() throws {
    var guest = Guest.level4
    guest.cr0 = 1
    let translation = try guest.translate(0xF_1234_5678, .write, .user)
    #expect(translation.physicalAddress == GuestPhysicalAddress(0x1234_5678))
    #expect(translation.permissions == .all)
    #expect(translation.updates.count == 0)
  }

  @Test func fourLevelsMapPagesOfThreeSizes() throws {
    var guest = fourLevels(pte: 0x2000_1234_5007)
    let small = try guest.translate(address)
    #expect(small.physicalAddress == GuestPhysicalAddress(0x2000_1234_5ABC))
    #expect(small.size == 0x1000)
    guest.store(0x2000_1220_0087, table: 0x3000, index: 1)
    let large = try guest.translate(address)
    #expect(large.physicalAddress == GuestPhysicalAddress(0x2000_1220_1ABC))
    #expect(large.size == 0x20_0000)
    guest.store(0x2000_4000_0087, table: 0x2000, index: 1)
    let huge = try guest.translate(address)
    #expect(huge.physicalAddress == GuestPhysicalAddress(0x2000_4020_1ABC))
    #expect(huge.size == 0x4000_0000)
  }

  @Test func paeStartsFromThePointerRegisters() throws {
    var guest = Guest.pae
    guest.pointers[2] = 0x3001
    guest.store(0x4007, table: 0x3000, index: 3)
    guest.store(0x1_2345_6007, table: 0x4000, index: 5)
    guest.store(0x2_2340_0087, table: 0x3000, index: 4)
    let base: UInt64 = 2 << 30
    #expect(
      try guest.translate(base | 3 << 21 | 5 << 12 | 0x10).physicalAddress
        == GuestPhysicalAddress(0x1_2345_6010))
    let large = try guest.translate(0xFFFF_FFFF_0000_0000 | base | 4 << 21 | 0x1_2345)
    #expect(large.physicalAddress == GuestPhysicalAddress(0x2_2341_2345))
    #expect(large.size == 0x20_0000)
    #expect(guest.fault(1 << 30) == 0)
  }

  @Test func bits32MapsSmallAndLargePages() throws {
    var guest = Guest.bits32
    guest.store(0x2007, table: 0x1000, index: 0x200)
    guest.store(0xFEE0_0007, table: 0x2000, index: 0x3FF)
    // PSE-36: bits 20:13 are address bits 39:32.
    guest.store(0xC000_0087 | 0x25 << 13, table: 0x1000, index: 0x201)
    #expect(
      try guest.translate(0x8000_0000 | 0x3FF << 12 | 0x20).physicalAddress
        == GuestPhysicalAddress(0xFEE0_0020))
    let large = try guest.translate(0x8040_0000 | 0x12_3456)
    #expect(large.physicalAddress == GuestPhysicalAddress(0x25_C012_3456))
    #expect(large.size == 0x40_0000)
  }

  @Test func withoutPSEAPageDirectoryEntryRefersToATable() throws {
    var guest = Guest.bits32
    guest.cr4 = 0
    guest.store(0x2087, table: 0x1000, index: 0)
    guest.store(0x5007, table: 0x2000, index: 1)
    #expect(try guest.translate(0x1004).physicalAddress == GuestPhysicalAddress(0x5004))
  }

  @Test func whatIsNotPresentFaultsWithTheAccessAlone() {
    var guest = fourLevels(pte: 0x8006)
    #expect(guest.fault(address) == 0)
    #expect(guest.fault(address, .write) == 2)
    #expect(guest.fault(address, .read, .user) == 4)
    #expect(guest.fault(address, .write, .user) == 6)
    #expect(guest.fault(address, .execute, .user) == 0x14)
    // An entry that is not present has no reserved bits, and rights that upper levels deny do not matter.
    guest = fourLevels(pte: .max - 1, flags: 1)
    #expect(guest.fault(address, .write, .user) == 6)
  }

  @Test func fetchesShowInTheErrorCodeOnlyWithNXOrSMEP() {
    var guest = fourLevels(pte: 0)
    #expect(guest.fault(address, .execute) == 0x10)
    guest.efer = 0x500
    #expect(guest.fault(address, .execute) == 0)
    guest.cr4 |= 1 << 20
    #expect(guest.fault(address, .execute) == 0x10)
    // NXE without PAE counts for nothing.
    var old = Guest.bits32
    old.efer = 0x800
    #expect(old.fault(0x1000, .execute) == 0)
    old.cr4 |= 1 << 20
    #expect(old.fault(0x1000, .execute) == 0x10)
  }

  @Test func userAccessesNeedUserPagesOnAllLevels() {
    var guest = fourLevels(pte: 0x8007)
    #expect(guest.fault(address, .read, .user) == nil)
    guest.store(0x3003, table: 0x2000, index: 1)
    #expect(guest.fault(address, .read, .user) == 5)
    #expect(guest.fault(address, .execute, .user) == 0x15)
    #expect(guest.fault(address, .write) == nil)
  }

  @Test func writesNeedWritablePagesOnAllLevelsUnlessASupervisorIgnoresThem() {
    var guest = fourLevels(pte: 0x8005)
    #expect(guest.fault(address, .write) == 3)
    #expect(guest.fault(address, .write, .user) == 7)
    #expect(guest.fault(address, .read, .user) == nil)
    guest.cr0 &= ~(1 << 16)
    #expect(guest.fault(address, .write) == nil)
    #expect(guest.fault(address, .write, .user) == 7)
    guest = fourLevels(pte: 0x8007)
    guest.store(0x2005, table: 0x1000, index: 1)
    #expect(guest.fault(address, .write) == 3)
  }

  @Test func executeDisableOnAnyLevelStopsFetches() {
    var guest = fourLevels(pte: 0x8007 | 1 << 63)
    #expect(guest.fault(address, .execute) == 0x11)
    #expect(guest.fault(address, .execute, .user) == 0x15)
    #expect(guest.fault(address, .write, .user) == nil)
    guest = fourLevels(pte: 0x8007)
    guest.store(0x2007 | 1 << 63, table: 0x1000, index: 1)
    #expect(guest.fault(address, .execute) == 0x11)
    // Without NXE the bit is reserved.
    guest.efer = 0x500
    #expect(guest.fault(address, .read) == 9)
  }

  @Test func smepStopsSupervisorFetchesFromUserPages() {
    var guest = fourLevels(pte: 0x8007)
    #expect(guest.fault(address, .execute) == nil)
    guest.cr4 |= 1 << 20
    #expect(guest.fault(address, .execute) == 0x11)
    #expect(guest.fault(address, .execute, .user) == nil)
    #expect(guest.fault(address, .read) == nil)
    guest.store(0x8003, table: 0x4000, index: 1)
    #expect(guest.fault(address, .execute) == nil)
  }

  @Test func smapStopsSupervisorDataAccessesToUserPagesUnlessACIsSet() {
    var guest = fourLevels(pte: 0x8007)
    guest.cr4 |= 1 << 21
    #expect(guest.fault(address, .read) == 1)
    #expect(guest.fault(address, .write) == 3)
    #expect(guest.fault(address, .read, .supervisor(accessControl: true)) == nil)
    #expect(guest.fault(address, .read, .implicitSupervisor) == 1)
    #expect(guest.fault(address, .read, .user) == nil)
    #expect(guest.fault(address, .execute) == nil)
    guest.cr0 &= ~(1 << 16)
    #expect(guest.fault(address, .write) == 3)
    guest.store(0x8003, table: 0x4000, index: 1)
    #expect(guest.fault(address, .write, .implicitSupervisor) == nil)
  }

  @Test func reservedBitsFaultInEveryFormat() {
    let width: UInt64 = 1 << 46
    var guest = fourLevels(pte: 0x8007 | width)
    #expect(guest.fault(address, .write, .user) == 0xF)
    guest.store(0x8007 | 1 << 52, table: 0x4000, index: 1)
    #expect(guest.fault(address) == nil)
    guest.store(0x2000 | 1 << 13 | 0x87, table: 0x3000, index: 1)
    #expect(guest.fault(address) == 9)
    guest.store(0x87 | 1 << 29, table: 0x2000, index: 1)
    #expect(guest.fault(address) == 9)
    guest.store(0x3087, table: 0x1000, index: 1)
    #expect(guest.fault(address) == 9)

    guest = fourLevels(pte: 0x8007)
    guest.store(0x4000_0087, table: 0x2000, index: 1)
    #expect(guest.fault(address) == nil)
    guest.processor = .init(
      physicalAddressWidth: 46, hasGigabytePages: false, reservesGlobalBitOfPML4: false)
    #expect(guest.fault(address) == 9)

    guest = fourLevels(pte: 0x8007)
    guest.store(0x2107, table: 0x1000, index: 1)
    #expect(guest.fault(address) == nil)
    guest.processor = .init(physicalAddressWidth: 46, hasGigabytePages: true, reservesGlobalBitOfPML4: true)
    #expect(guest.fault(address) == 9)

    var pae = Guest.pae
    pae.pointers[0] = 0x3001
    pae.store(0x4007, table: 0x3000, index: 0)
    pae.store(0x8007 | 1 << 52, table: 0x4000, index: 0)
    #expect(pae.fault(0) == 9)

    var old = Guest.bits32
    old.store(0x87 | 1 << 21, table: 0x1000, index: 0)
    #expect(old.fault(0) == 9)
    old.store(0x87 | 1 << 17, table: 0x1000, index: 0)
    #expect(old.fault(0) == nil)
    old.processor = .init(physicalAddressWidth: 36, hasGigabytePages: false, reservesGlobalBitOfPML4: false)
    #expect(old.fault(0) == 9)
  }

  @Test func theTranslationSaysWhatAllLevelsGrant() throws {
    var guest = fourLevels(pte: 0x8007)
    #expect(try guest.translate(address).permissions == .all)
    guest.store(0x2003, table: 0x1000, index: 1)
    guest.store(0x3005, table: 0x2000, index: 1)
    guest.store(0x4007 | 1 << 63, table: 0x3000, index: 1)
    #expect(try guest.translate(address).permissions == [])
  }

  @Test func aPageIsGlobalByItsLeafAndPGE() throws {
    var guest = fourLevels(pte: 0x8107)
    #expect(try !guest.translate(address).isGlobal)
    guest.cr4 |= 1 << 7
    #expect(try guest.translate(address).isGlobal)
    guest = fourLevels(pte: 0x8007, flags: 0x107)
    guest.cr4 |= 1 << 7
    #expect(try !guest.translate(address).isGlobal)
  }

  @Test func updatesAreTheBitsThatTheProcessorWouldSet() throws {
    var guest = fourLevels(pte: 0x8007)
    let read = try guest.translate(address)
    #expect(!read.isDirty)
    #expect(
      (0..<read.updates.count).map { read.updates[$0].location.value } == [0x1008, 0x2008, 0x3008, 0x4008])
    #expect((0..<read.updates.count).map { read.updates[$0].bits } == [0x20, 0x20, 0x20, 0x20])
    #expect((0..<read.updates.count).map { read.updates[$0].entry } == [0x2007, 0x3007, 0x4007, 0x8007])

    guest = fourLevels(pte: 0x8027, flags: 0x27)
    #expect(try guest.translate(address).updates.count == 0)
    let write = try guest.translate(address, .write)
    #expect(write.isDirty)
    #expect(write.updates.count == 1)
    #expect(write.updates[0].location.value == 0x4008)
    #expect([write.updates[0].entry, write.updates[0].bits, write.updates[0].width] == [0x8027, 0x60, 8])
    guest.store(0x8067, table: 0x4000, index: 1)
    #expect(try guest.translate(address).isDirty)
    #expect(try guest.translate(address, .write).updates.count == 0)

    var old = Guest.bits32
    old.store(0x2007, table: 0x1000, index: 0)
    old.store(0x5007, table: 0x2000, index: 3)
    let narrow = try old.translate(0x3000)
    #expect((0..<narrow.updates.count).map { narrow.updates[$0].location.value } == [0x1000, 0x200C])
    #expect((0..<narrow.updates.count).map { narrow.updates[$0].width } == [4, 4])
  }

  @Test func only64BitAddressesMustBeCanonical() {
    var guest = fourLevels(pte: 0x8007)
    for address: UInt64 in [0x8000_0000_0000, 0x1_0000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF] {
      #expect(throws: Failure.notCanonical) { try guest.translate(address) }
    }
    #expect(guest.fault(0xFFFF_8000_0000_0000) == 0)
  }

  @Test func aTableOutsideRAMIsAnErrorOfItsOwn() {
    var guest = fourLevels(pte: 0x8007)
    guest.store(0x1_0000_0007, table: 0x2000, index: 1)
    #expect(throws: Failure.memory(.hole(GuestPhysicalAddress(0x1_0000_0008)))) {
      try guest.translate(address)
    }
  }

  @Test func pointerRegistersLoadUnlessAPresentOneHasReservedBits() throws {
    var guest = Guest.pae
    let processor = guest.processor
    func load(_ entry: UInt64) throws -> InlineArray<4, UInt64> {
      guest.store(entry, table: 0x2020, index: 3)
      return try GuestPageWalk.pageDirectoryPointers(
        cr3: 0xFFFF_0000_0000_203F, processor: processor, memory: &guest.memory)
    }
    #expect(try load(0x3FFF_FFFF_FE19)[3] == 0x3FFF_FFFF_FE19)
    #expect(try load(.max - 1)[3] == .max - 1)
    for bit: UInt64 in [1, 2, 5, 6, 7, 8, 46, 63] {
      #expect(throws: GuestPageWalk.PointerFailure.reservedBits) { try load(1 | 1 << bit) }
    }
    #expect(throws: GuestPageWalk.PointerFailure.memory(.hole(GuestPhysicalAddress(0x1_0000)))) {
      try GuestPageWalk.pageDirectoryPointers(cr3: 0x1_0000, processor: processor, memory: &guest.memory)
    }
  }
}
