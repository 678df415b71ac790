import EPT
import Memory
import Testing

#if DEBUG
  private let accessCount = 50_000
#else
  private let accessCount = 1_000_000
#endif

/// A guest that does at random all that concerns the virtual TLB, with the answer to every access known beforehand.
private final class RandomRun {
  let guest: RandomGuest
  let bench: VirtualTLBBench
  /// What the tables in the guest's RAM must hold.
  var mirror: [UInt64]
  /// Where the guest was lately, in this mode.
  private var recentAddresses: [UInt64] = []
  private(set) var failure: String?

  init(seed: UInt64, frameCount: Int) throws {
    guest = RandomGuest(seed: seed)
    var paging = GuestPaging()
    guest.select(.level4, &paging)
    bench = try VirtualTLBBench(guest.ram, paging, frameCount: frameCount)
    mirror = guest.ram.words
    guest.ram.interferes = { [unowned guest] in guest.chance(1, in: 40) }
  }

  func fail(_ message: String) { failure = failure ?? message }

  // MARK: Accesses

  func access() {
    var access = guest.access(bench.paging.mode)
    if !recentAddresses.isEmpty, guest.chance(3, in: 4) { access.address = guest.pick(recentAddresses) }
    recentAddresses.append(access.address)
    if recentAddresses.count > 24 { recentAddresses.removeFirst() }
    // Below CPL 3 with AC set, an implicit access shows for what it is only after the page was mapped for an
    // explicit one, at the price of a page fetched or a bit set too many; and not at all if CR0.WP is clear.
    var isAmbiguous =
      access.isImplicit && access.privilegeLevel < 3 && access.ac && access.kind != .fetch
      && bench.paging.smap
    if isAmbiguous, access.kind == .write, !bench.paging.wp {
      access.isImplicit = false
      isAmbiguous = false
    }
    let ram = guest.ram
    let width = bench.paging.entryWidth
    let translation = bench.paging.translate(access) { ram.entry(at: $0, width: width) }
    if case .page(_, let updates) = translation {
      for update in updates {
        let shift = width == 8 ? 0 : update.address % 8 * 8
        mirror[Int(update.address / 8)] |= update.bits << shift
      }
    }

    for _ in 0..<20 {
      let outcome = bench.access(access)
      if case .violation(let needed, let granted, isGuestPageWalk: true, let address) = outcome,
        let index = GuestRAM.index(address), ram.entry(at: address, width: width) != nil
      {
        // The kernel fetches the page that a table is in.
        guard ram.pages[index].permissions == granted, granted.isDisjoint(with: needed) else {
          return fail("\(access): \(outcome) without need")
        }
        grant(index, needed)
        continue
      }
      let expected = expectation(access, translation)
      if isAmbiguous, case .guestFault = expected {
        mirror = ram.words
        if case .violation(_, _, _, let address) = outcome {
          guard let index = GuestRAM.index(address) else { return }
          grant(index, .all)
          continue
        }
      }
      if outcome != expected { fail("\(access) in \(bench.paging): \(outcome), not \(expected)") }
      if case .violation(_, _, _, let address) = outcome, let index = GuestRAM.index(address),
        guest.chance(1, in: 2)
      {
        grant(index, .all)
      }
      if case .page(_, let updates) = translation {
        for update in updates where mirror[Int(update.address / 8)] != ram.words[Int(update.address / 8)] {
          fail("\(access) in \(bench.paging): bits of \(update)")
        }
      }
      return
    }
    fail("\(access) never ends")
  }

  private func expectation(
    _ access: GuestAccess, _ translation: GuestPaging.Translation
  ) -> VirtualTLBBench.Outcome {
    switch translation {
    case .fault(let code): return .guestFault(code)
    case .noTable(let address):
      let granted = guest.ram.mapping(address)?.permissions ?? []
      return .violation(.read, granted: granted, isGuestPageWalk: true, at: address)
    case .page(let address, _):
      let mapping = guest.ram.mapping(address)
      let needed: PagePermissions =
        switch access.kind {
        case .read: .read
        case .write: .write
        case .fetch: .execute
        }
      guard let mapping, mapping.permissions.contains(needed) else {
        return .violation(
          needed, granted: mapping?.permissions ?? [], isGuestPageWalk: false, at: address)
      }
      // In the PAT as it is after reset.
      let typeIndex: UInt64 =
        switch mapping.memoryType {
        case .writeBack: 0
        case .writeThrough: 1
        case .uncacheable, .writeCombining, .writeProtected: 3
        }
      return .page(host: mapping.host.value, typeIndex: typeIndex)
    }
  }

  // MARK: The second level

  /// More permissions need no notice.
  func grant(_ index: Int, _ permissions: PagePermissions) {
    if guest.ram.pages[index].permissions == [] {
      guest.ram.map(index, permissions.union(.read))
    } else {
      guest.ram.protect(index, guest.ram.pages[index].permissions.union(permissions))
    }
  }

  func changeSecondLevel() {
    // Only where nothing else waits for the next entry.
    let isExecuting = guest.chance(1, in: 2) && bench.tlb.pendingInvalidation == .none
    let isTable = guest.chance(1, in: 8)
    let index =
      isTable
      ? Int.random(in: 0..<RandomGuest.tablePages, using: &guest.random)
      : GuestRAM.index(guest.anyPage()) ?? 0
    switch Int.random(in: 0..<10, using: &guest.random) {
    case 0..<6:
      guest.ram.protect(index, guest.ram.pages[index].permissions.intersection(guest.permissions()))
      bench.secondLevelChanged(index, isExecuting: isExecuting)
    case 6..<9:
      guest.ram.protect(index, [])
      bench.secondLevelChanged(index, isExecuting: isExecuting)
      guest.ram.map(index, guest.permissions(), guest.memoryType())
    default:
      let region = Int.random(in: 1..<9, using: &guest.random)
      for index in region * 512..<(region + 1) * 512 {
        guest.ram.protect(index, [])
        bench.secondLevelChanged(index, isExecuting: isExecuting)
      }
      if guest.chance(9, in: 10) {
        guest.ram.mapLarge(region: region, guest.permissions())
      } else {
        for index in region * 512..<(region + 1) * 512 { guest.ram.map(index, guest.permissions()) }
      }
    }
  }

  // MARK: The guest's tables and registers

  func store(_ entry: UInt64, at position: RandomGuest.Position) {
    guest.ram.setEntry(entry, at: position.location, width: position.width)
    mirror[Int(position.location / 8)] = guest.ram.words[Int(position.location / 8)]
  }

  func editTables() {
    let mode = bench.paging.mode
    let position = guest.pick(guest.positions)
    let old = guest.ram.entry(at: position.location, width: position.width)!
    if guest.chance(1, in: 4) {
      // Grants more, which takes no invalidation.
      if old & 1 == 0 {
        store(guest.entry(for: position), at: position)
      } else {
        store((old | 2) & (position.width == 8 ? ~(1 << 63) : ~0), at: position)
      }
      return
    }
    store(guest.entry(for: position), at: position)
    guard mode == position.mode, old & 1 != 0 else { return }
    let isPage = position.level == 0 || position.level < 3 && old & 0x80 != 0
    let size: UInt64 = 1 << UInt64(12 + (mode == .bits32 ? 10 : 9) * position.level)
    if isPage, guest.chance(7, in: 8) {
      // Without CR4.PSE a 4 MiB page is a table, and so on: what is stale then is more than a page.
      guard mode != .bits32 || bench.paging.pse || position.level == 0 else { return invalidateAll() }
      let offset = UInt64.random(in: 0..<size, using: &guest.random)
      bench.tlb.invalidatePage(at: GuestVirtualAddress(position.linear + offset))
    } else if position.space != nil, guest.chance(3, in: 4) {
      bench.loadCR3()
    } else {
      invalidateAll()
    }
  }

  /// By two changes of CR4.PGE.
  func invalidateAll() {
    for _ in 0..<2 {
      bench.paging.pge.toggle()
      bench.setPaging()
    }
  }

  func loadCR3() {
    guest.select(bench.paging.mode, &bench.paging)
    bench.loadCR3()
  }

  func changeTerms() {
    switch Int.random(in: 0..<6, using: &guest.random) {
    case 0: bench.paging.wp.toggle()
    case 1: bench.paging.smep.toggle()
    case 2: bench.paging.smap.toggle()
    case 3: bench.paging.nxe.toggle()
    case 4: bench.paging.pse.toggle()
    default: bench.paging.pge.toggle()
    }
    bench.setPaging()
  }

  func changeMode() {
    guest.select(guest.pick([.none, .bits32, .pae, .pae, .level4, .level4, .level4, .level4]), &bench.paging)
    bench.setPaging()
    recentAddresses = []
  }

  func step() {
    switch Int.random(in: 0..<1000, using: &guest.random) {
    case 0..<40: changeSecondLevel()
    case 40..<80: editTables()
    case 80..<100: loadCR3()
    case 100..<105: changeTerms()
    case 105..<106: changeMode()
    case 106..<110:
      bench.tlb.invalidatePage(at: GuestVirtualAddress(guest.access(bench.paging.mode).address))
    default: break
    }
    access()
  }
}

/// Tables for everything at once, and so few that they run out all the time.
@Test(arguments: [4096, VirtualTLBFrames.fewest])
func randomGuestsSeeWhatTheirTablesAndTheSecondLevelSay(frameCount: Int) throws {
  let run = try RandomRun(seed: UInt64(frameCount), frameCount: frameCount)
  for step in 1...accessCount / 2 {
    run.step()
    if step % (accessCount / 100) == 0 {
      if run.mirror != run.guest.ram.words { run.fail("a guest entry has bits that it should not") }
      if let inconsistency = run.bench.inconsistency() { run.fail(inconsistency) }
    }
    if let failure = run.failure {
      Issue.record("step \(step): \(failure)")
      return
    }
  }
  #expect((run.bench.tlb.counters.evictions > 100) == (frameCount == VirtualTLBFrames.fewest))
}

private enum VirtualTLBFrames {
  static let fewest = VirtualTLB<ArrayShadowMemory>.minimumFrameCount
}
