import EPT
import Memory

/// The RAM of a guest for the virtual TLB's tests: page tables in an array, and a second level that is a flat list.
///
/// Guest-physical pages 0 to 4095 and 512 more from 4 GiB on can be mapped; page tables are in the lowest of them.
final class GuestRAM {
  struct Page: Equatable {
    var host: UInt64 = 0
    var permissions: PagePermissions = []
    var memoryType = MemoryType.writeBack
  }

  static let pagesPerRegion = 512
  /// Pages by their index here; each region is 2 MiB.
  private(set) var pages = [Page](repeating: Page(), count: 9 * pagesPerRegion)
  /// Whether a region is one leaf of 2 MiB.
  private(set) var isLarge = [Bool](repeating: false, count: 9)
  /// What the pages with tables hold, from guest-physical address 0.
  var words: [UInt64]
  /// Called before a compare-and-exchange; true makes it fail as if another processor had been quicker.
  var interferes: () -> Bool = { false }
  private var nextHost: UInt64 = 0x2_0000_0000

  init(tablePages: Int) { words = Array(repeating: 0, count: tablePages * 512) }

  static func index(_ address: UInt64) -> Int? {
    let page = address >> 12
    if page < 4096 { return Int(page) }
    return page >= 1 << 20 && page < 1 << 20 + 512 ? Int(page - 1 << 20) + 4096 : nil
  }

  static func address(_ index: Int) -> UInt64 {
    UInt64(index < 4096 ? index : index - 4096 + 1 << 20) << 12
  }

  func mapping(_ address: UInt64) -> Mapping? {
    guard let index = Self.index(address), pages[index].permissions != [] else { return nil }
    return Mapping(
      host: HostPhysicalAddress(pages[index].host | address & 0xFFF),
      size: isLarge[index / Self.pagesPerRegion] ? .page2M : .page4K, permissions: pages[index].permissions,
      memoryType: pages[index].memoryType)
  }

  // MARK: Changes of the second level

  /// Gives a page a frame that no page has had before.
  func map(_ index: Int, _ permissions: PagePermissions, _ memoryType: MemoryType = .writeBack) {
    isLarge[index / Self.pagesPerRegion] = false
    pages[index] = Page(host: nextHost, permissions: permissions, memoryType: memoryType)
    nextHost += 4096
  }

  func mapLarge(region: Int, _ permissions: PagePermissions) {
    nextHost = (nextHost + 0x1F_FFFF) & ~0x1F_FFFF
    isLarge[region] = true
    for index in region * Self.pagesPerRegion..<(region + 1) * Self.pagesPerRegion {
      pages[index] = Page(host: nextHost, permissions: permissions)
      nextHost += 4096
    }
  }

  func protect(_ index: Int, _ permissions: PagePermissions) {
    guard pages[index].permissions != permissions else { return }
    isLarge[index / Self.pagesPerRegion] = false
    pages[index].permissions = permissions
  }

  // MARK: Entries of page tables

  func entry(at address: UInt64, width: UInt64) -> UInt64? {
    guard address / 8 < words.count else { return nil }
    let word = words[Int(address / 8)]
    return width == 8 ? word : word >> (address % 8 * 8) & 0xFFFF_FFFF
  }

  func setEntry(_ entry: UInt64, at address: UInt64, width: UInt64) {
    let index = Int(address / 8)
    if width == 8 {
      words[index] = entry
    } else {
      words[index] = words[index] & ~(0xFFFF_FFFF << (address % 8 * 8)) | entry << (address % 8 * 8)
    }
  }
}

struct ArrayGuest: SecondLevelMemory {
  let ram: GuestRAM

  func translate(_ address: GuestPhysicalAddress) -> Mapping? { ram.mapping(address.value) }

  mutating func exchange(_ update: GuestPageWalk.EntryUpdate) -> EntryExchange {
    let address = update.location.value
    guard ram.mapping(address)?.permissions.contains(.write) == true,
      let entry = ram.entry(at: address, width: update.width)
    else { return .notWritable }
    guard entry == update.entry, !ram.interferes() else { return .entryChanged }
    ram.setEntry(entry | update.bits, at: address, width: update.width)
    return .done
  }

  mutating func read(
    _ address: GuestPhysicalAddress, count: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(GuestMemoryError) {
    guard ram.mapping(address.value)?.permissions.contains(.read) == true,
      let entry = ram.entry(at: address.value, width: UInt64(count))
    else { throw .hole(address) }
    for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: entry >> UInt64(8 * index)) }
  }

  mutating func write(_ bytes: Span<UInt8>, to address: GuestPhysicalAddress) throws(GuestMemoryError) {
    throw .hole(address)
  }

  mutating func clear(_ address: GuestPhysicalAddress, count: UInt64) throws(GuestMemoryError) {
    throw .hole(address)
  }
}
