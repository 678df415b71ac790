import EPT
import Memory

/// A guest in long mode with page tables that a test fills in page by page: all RAM of one kind, in frames of 4 KiB.
final class PlainGuest {
  struct Bits: OptionSet {
    let rawValue: UInt64
    static let writable = Self(rawValue: 1 << 1)
    static let user = Self(rawValue: 1 << 2)
    static let accessed = Self(rawValue: 1 << 5)
    static let dirty = Self(rawValue: 1 << 6)
    static let large = Self(rawValue: 1 << 7)
    static let global = Self(rawValue: 1 << 8)
    static let noExecute = Self(rawValue: 1 << 63)
  }

  let ram = GuestRAM(tablePages: 512)
  let bench: VirtualTLBBench
  private var nextTable: UInt64 = 0x1000

  init(frameCount: Int = 1024) throws {
    for index in ram.pages.indices { ram.map(index, .all) }
    var paging = GuestPaging()
    paging.mode = .level4
    paging.cr3 = nextTable
    nextTable += 4096
    bench = try VirtualTLBBench(ram, paging, frameCount: frameCount)
  }

  var paging: GuestPaging {
    get { bench.paging }
    set { bench.paging = newValue }
  }

  func newTable() -> UInt64 {
    nextTable += 4096
    return nextTable - 4096
  }

  /// Where the entry of `level` (0 is the lowest) for an address is, below the table that CR3 refers to now.
  func location(_ linear: UInt64, level: Int = 0) -> UInt64 {
    let is32Bit = paging.mode == .bits32
    let width: UInt64 = is32Bit ? 4 : 8
    let indexBits: UInt64 = is32Bit ? 10 : 9
    var table = paging.cr3
    var current = is32Bit ? 1 : 3
    while true {
      let index = linear >> (12 + indexBits * UInt64(current)) & (1 << indexBits - 1)
      let location = table + index * width
      if current == level { return location }
      if ram.entry(at: location, width: width)! & 1 == 0 {
        ram.setEntry(newTable() | 0x27, at: location, width: width)
      }
      table = ram.entry(at: location, width: width)! & 0x000F_FFFF_FFFF_F000
      current -= 1
    }
  }

  /// Makes the guest's entry of `level` for an address.
  func map(_ linear: UInt64, to physical: UInt64, _ bits: Bits, level: Int = 0) {
    let large: Bits = level > 0 ? .large : []
    ram.setEntry(
      physical | bits.union(large).rawValue | 1, at: location(linear, level: level),
      width: paging.entryWidth)
  }

  func bits(_ linear: UInt64) -> Bits {
    Bits(rawValue: ram.entry(at: location(linear), width: paging.entryWidth)!)
  }

  /// What an access comes to, and how many page faults the processor takes for it.
  func access(
    _ kind: GuestAccess.Kind, _ linear: UInt64, user: Bool = false, ac: Bool = false, implicit: Bool = false
  ) -> (VirtualTLBBench.Outcome, faults: Int) {
    let before = bench.faults
    let outcome = bench.access(
      GuestAccess(
        address: linear, kind: kind, privilegeLevel: user ? 3 : 0, isImplicit: implicit, ac: ac))
    return (outcome, bench.faults - before)
  }

  func host(_ physical: UInt64) -> VirtualTLBBench.Outcome {
    .page(host: ram.mapping(physical)!.host.value)
  }
}
