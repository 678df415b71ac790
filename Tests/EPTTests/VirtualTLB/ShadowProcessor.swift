import EPT
import Memory

/// One access by the guest, as the processor sees it.
struct GuestAccess {
  enum Kind: CaseIterable { case read, write, fetch }

  var address: UInt64
  var kind: Kind
  var privilegeLevel: UInt8 = 0
  /// To a descriptor table or the like: a supervisor's at any CPL.
  var isImplicit = false
  /// EFLAGS.AC.
  var ac = false

  var isUser: Bool { privilegeLevel == 3 && !isImplicit }
  /// Whether SMAP, where it is on, closes users' pages to the access.
  var isGuardedBySMAP: Bool { !isUser && kind != .fetch && (isImplicit || !ac) }
}

/// A processor's page walker and TLB, written from the manuals (SDM Vol. 3A, chapter 4; APM Vol. 2, chapter 5) and
/// sharing nothing with the module under test. It walks shadow tables with the real control registers, and keeps
/// whatever it has once walked until it is told to drop it, or faults on it.
struct ShadowProcessor {
  enum Result: Equatable {
    /// The byte, and the number of the PAT entry that gives its memory type.
    case hit(HostPhysicalAddress, typeIndex: UInt64)
    case fault(UInt32)
    /// A reserved bit is set, or a table is none.
    case malformed(UInt64)
  }

  private struct Cached {
    var frame: UInt64
    var offsetMask: UInt64
    var isWritable: Bool
    var isUser: Bool
    var isExecutable: Bool
    var typeIndex: UInt64
  }

  let frames: ShadowFrames
  let hostWidth: UInt64 = 46
  private var cache: [UInt64: Cached] = [:]

  init(frames: ShadowFrames) { self.frames = frames }

  mutating func flush() { cache.removeAll(keepingCapacity: true) }

  mutating func access(
    _ access: GuestAccess, root: HostPhysicalAddress, _ registers: ShadowControlRegisters
  ) -> Result {
    precondition(registers.cr0 >> 31 & 1 == 1 && registers.cr4 >> 5 & 1 == 1)
    let isLong = registers.efer >> 10 & 1 == 1
    let page = access.address >> 12
    let cached: Cached
    if let known = cache[page] {
      cached = known
    } else {
      switch walk(access.address, root, isLong) {
      case .success(let found):
        guard let found else { return .fault(code(access, isPresent: false)) }
        cached = found
        cache[page] = found
      case .failure(let malformed): return .malformed(malformed.entry)
      }
    }

    let smep = registers.cr4 >> 20 & 1 == 1
    let smap = registers.cr4 >> 21 & 1 == 1
    var isAllowed = true
    if access.isUser, !cached.isUser { isAllowed = false }
    if access.kind == .write, !cached.isWritable { isAllowed = false }
    if access.kind == .fetch, !cached.isExecutable { isAllowed = false }
    if cached.isUser, !access.isUser {
      if access.kind == .fetch, smep { isAllowed = false }
      if access.isGuardedBySMAP, smap { isAllowed = false }
    }
    guard isAllowed else {
      cache[page] = nil
      return .fault(code(access, isPresent: true))
    }
    return .hit(
      HostPhysicalAddress(cached.frame | access.address & cached.offsetMask), typeIndex: cached.typeIndex)
  }

  private func code(_ access: GuestAccess, isPresent: Bool) -> UInt32 {
    // NXE is always on.
    (isPresent ? 1 : 0) | (access.kind == .write ? 2 : 0) | (access.isUser ? 4 : 0)
      | (access.kind == .fetch ? 16 : 0)
  }

  private struct Malformed: Error { var entry: UInt64 }

  private func walk(
    _ address: UInt64, _ root: HostPhysicalAddress, _ isLong: Bool
  ) -> Swift.Result<Cached?, Malformed> {
    var isWritable = true
    var isUser = true
    var isExecutable = true
    var table = root.value
    let reservedHigh: UInt64 = isLong ? ((1 << 52) - (1 << hostWidth)) : ((1 << 63) - (1 << hostWidth))
    let top = isLong ? 3 : 2
    if !isLong, root.value >> 32 != 0 { return .failure(Malformed(entry: root.value)) }
    for level in (0...top).reversed() {
      let index = address >> UInt64(12 + 9 * level) & (level == 2 && !isLong ? 3 : 511)
      let location = HostPhysicalAddress(table + index * 8)
      let entry = frames[location]
      guard entry & 1 != 0 else { return .success(nil) }
      if level == 2, !isLong {
        // A PDPTE has no rights and no accessed bit.
        guard entry & (reservedHigh | 1 << 63 | 0x1E6) == 0 else { return .failure(Malformed(entry: entry)) }
        table = entry & 0x000F_FFFF_FFFF_F000
        continue
      }
      guard entry & reservedHigh == 0 else { return .failure(Malformed(entry: entry)) }
      frames[location] = entry | 1 << 5
      if entry & 2 == 0 { isWritable = false }
      if entry & 4 == 0 { isUser = false }
      if entry >> 63 != 0 { isExecutable = false }
      let isLarge = level > 0 && entry & 0x80 != 0
      if isLarge, level != 1 || entry & 0x1F_E000 != 0 { return .failure(Malformed(entry: entry)) }
      if level == 0 || isLarge {
        // Neither global, nor writable with a dirty bit that the processor would have to set.
        if entry & 0x100 != 0 || entry & 0x42 == 2 { return .failure(Malformed(entry: entry)) }
        let offsetMask: UInt64 = isLarge ? 0x1F_FFFF : 0xFFF
        return .success(
          Cached(
            frame: entry & 0x000F_FFFF_FFFF_F000 & ~offsetMask, offsetMask: offsetMask,
            isWritable: isWritable, isUser: isUser, isExecutable: isExecutable,
            typeIndex: entry >> 3 & 3))
      }
      table = entry & 0x000F_FFFF_FFFF_F000
    }
    return .success(nil)
  }
}
