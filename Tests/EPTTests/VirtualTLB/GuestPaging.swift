import EPT
import Memory

/// The registers of a guest that decide about paging.
struct GuestPaging {
  enum Mode: CaseIterable { case none, bits32, pae, level4 }

  static let physicalAddressWidth: UInt64 = 40
  static let processor = GuestPageWalk.Processor(
    physicalAddressWidth: 40, hasGigabytePages: true, reservesGlobalBitOfPML4: false)

  var mode = Mode.none
  var cr3: UInt64 = 0
  var pointers: [UInt64] = [0, 0, 0, 0]
  var wp = true
  var pse = true
  var pge = true
  var smep = false
  var smap = false
  var nxe = true

  var cr0: UInt64 { (mode == .none ? 0 : 1 << 31) | (wp ? 1 << 16 : 0) | 1 }
  var cr4: UInt64 {
    (pse ? 1 << 4 : 0) | (mode == .pae || mode == .level4 ? 1 << 5 : 0) | (pge ? 1 << 7 : 0)
      | (smep ? 1 << 20 : 0) | (smap ? 1 << 21 : 0)
  }
  var efer: UInt64 { (mode == .level4 ? 1 << 8 | 1 << 10 : 0) | (nxe ? 1 << 11 : 0) }

  var walk: GuestPageWalk {
    var registers = InlineArray<4, UInt64>(repeating: 0)
    for index in 0..<4 { registers[index] = pointers[index] }
    return GuestPageWalk(
      cr0: cr0, cr3: cr3, cr4: cr4, efer: efer, processor: Self.processor, pageDirectoryPointers: registers)
  }

  var real: ShadowControlRegisters {
    ShadowControlRegisters(guestCR0: cr0, guestCR4: cr4, guestEFER: efer)
  }

  /// What an access must come to, second level apart.
  enum Translation {
    /// Bits that the processor sets in entries, and the address of the page's byte.
    case page(UInt64, updates: [(address: UInt64, bits: UInt64)])
    case fault(UInt32)
    /// There is no RAM where a table would be.
    case noTable(UInt64)
  }

  var entryWidth: UInt64 { mode == .bits32 ? 4 : 8 }

  /// The guest's tables as SDM Vol. 3A, chapter 4, has them read: what the virtual TLB is held to.
  func translate(_ access: GuestAccess, _ entry: (_ address: UInt64) -> UInt64?) -> Translation {
    let linear = mode == .level4 ? access.address : access.address & 0xFFFF_FFFF
    if mode == .none { return .page(linear, updates: []) }

    let hasNX = nxe && mode != .bits32
    var code: UInt32 = access.kind == .write ? 2 : 0
    if access.isUser { code |= 4 }
    if access.kind == .fetch, hasNX || smep { code |= 16 }

    var shifts: [UInt64]
    var table: UInt64
    let addressBits: UInt64 = (1 << Self.physicalAddressWidth) - 4096
    switch mode {
    case .level4: (shifts, table) = ([39, 30, 21, 12], cr3 & addressBits)
    case .bits32: (shifts, table) = ([22, 12], cr3 & 0xFFFF_F000)
    default:
      let pointer = pointers[Int(linear >> 30)]
      if pointer & 1 == 0 { return .fault(code) }
      (shifts, table) = ([21, 12], pointer & addressBits)
    }

    var updates: [(address: UInt64, bits: UInt64)] = []
    var rights = (write: true, user: true, execute: true)
    while true {
      let shift = shifts.removeFirst()
      let indexMask: UInt64 = mode == .bits32 ? 1023 : 511
      let address = table + (linear >> shift & indexMask) * entryWidth
      guard let entry = entry(address) else { return .noTable(address) }
      if entry & 1 == 0 { return .fault(code) }

      let isPage: Bool
      switch shift {
      case 12: isPage = true
      case 21, 30: isPage = entry & 0x80 != 0
      case 22: isPage = entry & 0x80 != 0 && pse
      default: isPage = false
      }
      var reserved: UInt64 = 0
      if mode == .bits32 {
        if isPage, shift == 22 { reserved = 1 << 21 }
      } else {
        reserved = (mode == .pae ? 0x7FFF_FF00_0000_0000 : 0x000F_FF00_0000_0000) | (hasNX ? 0 : 1 << 63)
        if shift == 39 { reserved |= 0x80 }
        if isPage, shift > 12 { reserved |= (1 << shift) - (1 << 13) }
      }
      if entry & reserved != 0 { return .fault(code | 9) }

      rights.write = rights.write && entry & 2 != 0
      rights.user = rights.user && entry & 4 != 0
      rights.execute = rights.execute && !(hasNX && entry >> 63 != 0)
      guard isPage else {
        if entry & 0x20 == 0 { updates.append((address, 0x20)) }
        table = entry & (mode == .bits32 ? 0xFFFF_F000 : addressBits)
        continue
      }

      if !allows(access, rights) { return .fault(code | 1) }
      let bits: UInt64 = access.kind == .write ? 0x60 : 0x20
      if entry & bits != bits { updates.append((address, bits)) }
      var base = entry & addressBits & ~((1 << shift) - 1)
      if mode == .bits32 {
        base = entry & 0xFFFF_FFFF & ~((1 << shift) - 1)
        if shift == 22 { base |= (entry >> 13 & 0xFF) << 32 }
      }
      return .page(base | linear & ((1 << shift) - 1), updates: updates)
    }
  }

  private func allows(_ access: GuestAccess, _ rights: (write: Bool, user: Bool, execute: Bool)) -> Bool {
    if access.isUser {
      guard rights.user else { return false }
      switch access.kind {
      case .read: return true
      case .write: return rights.write
      case .fetch: return rights.execute
      }
    }
    if access.kind == .fetch { return rights.execute && !(smep && rights.user) }
    if smap, rights.user, access.isGuardedBySMAP { return false }
    return access.kind == .read || rights.write || !wp
  }
}
