import Support
import EPT
import Memory

/// Page tables of every mode with random entries, in the RAM of one guest, and the accesses and edits that go with
/// them.
///
/// Each table belongs to one place of one address space, so that it is known which translations an edit makes stale;
/// but the upper half of long mode has tables, global pages among them, that all address spaces have in common.
final class RandomGuest {
  struct Position {
    var location: UInt64
    var width: UInt64
    var mode: GuestPaging.Mode
    /// 0 is the lowest level.
    var level: Int
    /// Number of the address space in its mode; nil for all.
    var space: Int?
    var linear: UInt64
    var child: UInt64
  }

  struct Space {
    var cr3: UInt64
    /// Physical addresses of the tables that PAE's four pointers refer to.
    var directories: [UInt64] = []
  }

  static let tablePages = 380

  let ram = GuestRAM(tablePages: tablePages)
  private(set) var positions: [Position] = []
  private(set) var spaces: [GuestPaging.Mode: [Space]] = [:]
  var random: SeededGenerator
  /// The lowest pages stay empty: with CR4.PSE clear, what was a large page may be a table there.
  private var nextTable: UInt64 = 0x10_000
  /// Pages that small leaves map.
  private let pages: [UInt64]

  private static let privateIndexes: [UInt64] = [0, 255, 300]
  private static let sharedIndexes: [UInt64] = [256, 511]

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    pages =
      (0..<24).map { $0 * 4096 * 15 } + (0..<32).map { (512 + $0 * 97) * 4096 }
      + (0..<6).map { 1 << 32 + $0 * 4096 * 5 } + [5000 * 4096]
    for index in ram.pages.indices { ram.map(index, permissions(), memoryType()) }
    for region in [2, 5, 8] { ram.mapLarge(region: region, .all) }

    let shared = Self.sharedIndexes.map { buildTable(.level4, 2, $0 << 39 | 0xFFFF << 48, space: nil) }
    spaces[.level4] = (0..<10).map { space in
      let root = newTable()
      for index in Self.privateIndexes {
        let linear = index << 39 | (index > 255 ? 0xFFFF << 48 : 0)
        let child = buildTable(.level4, 2, linear, space: space)
        add(
          Position(
            location: root + index * 8, width: 8, mode: .level4, level: 3, space: space, linear: linear,
            child: child))
      }
      for (index, table) in zip(Self.sharedIndexes, shared) {
        ram.setEntry(table | 0x67, at: root + index * 8, width: 8)
      }
      return Space(cr3: root)
    }
    spaces[.pae] = (0..<2).map { space in
      let directories = (0..<4).map { buildTable(.pae, 1, UInt64($0) << 30, space: space) }
      return Space(cr3: 0x20 * UInt64(space), directories: directories)
    }
    spaces[.bits32] = (0..<2).map { Space(cr3: buildTable(.bits32, 1, 0, space: $0)) }
    spaces[.none] = [Space(cr3: 0)]
  }

  func chance(_ one: Int, in all: Int) -> Bool { Int.random(in: 0..<all, using: &random) < one }

  func pick<Value>(_ values: [Value]) -> Value { values.randomElement(using: &random)! }

  func anyPage() -> UInt64 { pick(pages) }

  func permissions() -> PagePermissions {
    pick([.all, .all, .all, .all, .all, [.read, .execute], .read, [.read, .write], []])
  }

  func memoryType() -> MemoryType {
    chance(1, in: 16) ? pick([.uncacheable, .writeThrough, .writeCombining]) : .writeBack
  }

  // MARK: Tables

  private static func indexes(_ mode: GuestPaging.Mode, _ level: Int) -> [UInt64] {
    switch (mode, level) {
    case (.bits32, 1): [0, 1, 2, 511, 768, 1023]
    case (.bits32, _): [0, 1, 2, 3, 511, 512, 1023]
    case (_, 2): [0, 511]
    case (_, 1): [0, 1, 511]
    default: [0, 1, 2, 3, 4, 100, 511]
    }
  }

  private static func shift(_ mode: GuestPaging.Mode, _ level: Int) -> UInt64 {
    UInt64(12 + (mode == .bits32 ? 10 : 9) * level)
  }

  private func newTable() -> UInt64 {
    nextTable += 4096
    precondition(nextTable < UInt64(Self.tablePages) * 4096)
    return nextTable
  }

  private func buildTable(_ mode: GuestPaging.Mode, _ level: Int, _ linear: UInt64, space: Int?) -> UInt64 {
    let table = newTable()
    let width: UInt64 = mode == .bits32 ? 4 : 8
    for index in Self.indexes(mode, level) {
      let part = linear | index << Self.shift(mode, level)
      add(
        Position(
          location: table + index * width, width: width, mode: mode, level: level, space: space, linear: part,
          child: level == 0 ? 0 : buildTable(mode, level - 1, part, space: space)))
    }
    return table
  }

  private func add(_ position: Position) {
    positions.append(position)
    ram.setEntry(entry(for: position), at: position.location, width: position.width)
  }

  /// A random entry, mostly one by which a walk can go on.
  func entry(for position: Position) -> UInt64 {
    var entry: UInt64 = 0
    func set(_ bit: UInt64, _ one: Int, in all: Int) { if chance(one, in: all) { entry |= 1 << bit } }
    let isUpperLevel = position.level > 0
    set(0, 19, in: 20)
    set(1, isUpperLevel ? 19 : 13, in: 20)
    set(2, isUpperLevel ? 17 : 12, in: 20)
    set(5, 12, in: 20)
    set(6, 10, in: 20)
    // Other address spaces have other pages there; global ones would outlive the change to those.
    if position.space == nil { set(8, 12, in: 20) }
    if position.mode != .bits32 {
      set(63, isUpperLevel ? 1 : 3, in: 20)
      set(45, 1, in: 200)
    }

    let canBeLarge = position.level == 1 || position.level == 2 && position.mode == .level4
    guard canBeLarge, chance(position.level == 1 ? 5 : 2, in: 20) else {
      if position.level == 3 { set(7, 1, in: 200) }
      if isUpperLevel { return entry | (chance(1, in: 300) ? 1 << 30 : position.child) }
      let page = pick(pages)
      return entry | (position.mode == .bits32 && page >> 32 != 0 ? 0 : page)
    }
    entry |= 0x80
    let region = UInt64(Int.random(in: 0..<9, using: &random))
    switch (position.mode, position.level) {
    case (.bits32, _):
      set(21, 1, in: 100)
      return entry | (region == 8 ? 1 << 13 : region / 2 << 22)
    case (_, 1):
      set(15, 1, in: 100)
      return entry | (region == 8 ? 1 << 32 : region << 21)
    default:
      set(21, 1, in: 100)
      return entry | (region == 8 ? 1 << 32 : 0)
    }
  }

  // MARK: Accesses

  func access(_ mode: GuestPaging.Mode) -> GuestAccess {
    var address = UInt64.random(in: 0..<4096, using: &random)
    switch mode {
    case .none:
      address |= pick(pages) & 0xFFFF_F000
    case .level4:
      let index = pick(Self.privateIndexes + Self.sharedIndexes)
      if index > 255 { address |= 0xFFFF << 48 }
      address |= index << 39 | pick(Self.indexes(mode, 2)) << 30
    case .pae:
      address |= UInt64.random(in: 0..<4, using: &random) << 30
    case .bits32:
      break
    }
    if mode != .none {
      address |= pick(Self.indexes(mode, 1)) << Self.shift(mode, 1) | pick(Self.indexes(mode, 0)) << 12
    }
    let isUser = chance(1, in: 2)
    return GuestAccess(
      address: address, kind: pick([.read, .read, .write, .write, .fetch]), privilegeLevel: isUser ? 3 : 0,
      isImplicit: chance(1, in: 12), ac: chance(1, in: 3))
  }

  func select(_ mode: GuestPaging.Mode, _ paging: inout GuestPaging) {
    let space = pick(spaces[mode]!)
    paging.mode = mode
    // Bits that are ignored, or select a memory type.
    paging.cr3 = space.cr3 | (mode == .pae ? 0 : pick([0, 8, 16]))
    paging.pointers = space.directories.map { chance(1, in: 12) ? 0 : $0 | 1 }
    if mode != .pae { paging.pointers = [0, 0, 0, 0] }
  }
}
