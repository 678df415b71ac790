import Assembly
import CPU
import EPT
import Firmware
import Memory

// The kernel's own address space: every byte at its physical address, 4 levels.
//
// Code is read-execute, constants read-only, all else read-write and not executable; nothing is both writable
// and executable. Page 0 is unmapped (a null pointer faults), and so is one page below every stack. RAM is
// write-back; device registers are mapped one by one, uncached.

/// Ordinary 4-level page-table entries of supervisor pages (SDM Vol. 3A, 4.5).
struct KernelPageFormat: PageTableFormat {
  private static let present: UInt64 = 1 << 0
  private static let writable: UInt64 = 1 << 1
  private static let cacheDisable: UInt64 = 1 << 4 | 1 << 3
  private static let large: UInt64 = 1 << 7
  private static let noExecute: UInt64 = 1 << 63

  let hostAddressLimit: UInt64
  let largestPage: PageSize

  init() {
    let width = cpuid(0x8000_0000, 0).eax >= 0x8000_0008 ? cpuid(0x8000_0008, 0).eax & 0xFF : 36
    hostAddressLimit = 1 << UInt64(min(width, 52))
    largestPage = cpuid(0x8000_0001, 0).edx & 1 << 26 != 0 ? .page1G : .page2M
  }

  func canEncode(_ permissions: PagePermissions) -> Bool {
    permissions.contains(.read) && !permissions.isSuperset(of: [.write, .execute])
  }
  func canEncode(_ memoryType: MemoryType) -> Bool { memoryType == .writeBack || memoryType == .uncacheable }

  static func isPresent(_ entry: UInt64) -> Bool { entry & present != 0 }
  static func isLargePage(_ entry: UInt64) -> Bool { entry & large != 0 }
  static func encode(table: HostPhysicalAddress) -> UInt64 { table.value | present | writable }

  static func encode(_ leaf: Mapping) -> UInt64 {
    var entry = leaf.host.value | present
    if leaf.permissions.contains(.write) { entry |= writable }
    if !leaf.permissions.contains(.execute) { entry |= noExecute }
    if leaf.memoryType == .uncacheable { entry |= cacheDisable }
    if leaf.size != .page4K { entry |= large }
    return entry
  }

  static func decode(_ entry: UInt64, _ size: PageSize) -> Mapping {
    var permissions: PagePermissions = .read
    if entry & writable != 0 { permissions.insert(.write) }
    if entry & noExecute == 0 { permissions.insert(.execute) }
    return Mapping(
      host: HostPhysicalAddress(entry & 0x000F_FFFF_FFFF_F000 & ~(size.bytes - 1)), size: size,
      permissions: permissions, memoryType: entry & cacheDisable != 0 ? .uncacheable : .writeBack)
  }
}

/// The tables and the only way to change them.
enum KernelPageTables {
  private nonisolated(unsafe) static var tables:
    UnsafeMutablePointer<PageTable<KernelPageFormat, TableFrames>>?

  /// Builds the tables for RAM and this image, and switches to them.
  static func install(_ map: MemoryMap) throws(PageTableError) {
    var built = try PageTable(format: KernelPageFormat(), memory: TableFrames())
    for index in map.entries.indices {
      let entry = map.entries[index]
      // What firmware keeps for itself, or calls defective, is none of ours: its tables have been read before.
      guard entry.kind == .usable else { continue }
      try identityMap(&built, entry.range.lowerBound.value, entry.range.upperBound.value, [.read, .write])
    }
    try identityMap(&built, __text_startAddress(), __text_endAddress(), [.read, .execute])
    try identityMap(&built, __rodata_startAddress(), __rodata_endAddress(), .read)
    _ = try built.unmap(GuestPhysicalAddress(0)..<GuestPhysicalAddress(pageSize))
    _ = try built.unmap(
      GuestPhysicalAddress(bootStackGuardAddress())..<GuestPhysicalAddress(bootStackGuardAddress() + pageSize)
    )
    writeCR3(built.root.value)
    let storage = UnsafeMutablePointer<PageTable<KernelPageFormat, TableFrames>>.allocate(capacity: 1)
    unsafe storage.initialize(to: built)
    unsafe tables = storage
  }

  private static func identityMap(
    _ tables: inout PageTable<KernelPageFormat, TableFrames>, _ start: UInt64, _ end: UInt64,
    _ permissions: PagePermissions, _ memoryType: MemoryType = .writeBack
  ) throws(PageTableError) {
    let first = start & ~(pageSize - 1)
    let last = (end + pageSize - 1) & ~(pageSize - 1)
    _ = try tables.map(
      GuestPhysicalAddress(first)..<GuestPhysicalAddress(last), to: HostPhysicalAddress(first),
      permissions: permissions, memoryType: memoryType)
  }

  /// Maps the registers of a device, uncached.
  static func mapDevice(_ address: HostPhysicalAddress, count: UInt64) throws(PageTableError) {
    try unsafe identityMap(
      &tables.unsafelyUnwrapped.pointee, address.value, address.value + count, [.read, .write], .uncacheable)
    flush()
  }

  /// Takes the page below a stack away.
  static func unmapGuard(_ address: HostPhysicalAddress) throws(PageTableError) {
    _ = try unsafe tables.unsafelyUnwrapped.pointee.unmap(
      GuestPhysicalAddress(address.value)..<GuestPhysicalAddress(address.value + pageSize))
    flush()
  }

  /// Whether the kernel runs on these tables.
  static var isInstalled: Bool { unsafe tables != nil }

  static func isMapped(_ address: UInt64) -> Bool {
    guard let tables = unsafe tables else { return address < 1 << 32 }
    return unsafe tables.pointee.translate(GuestPhysicalAddress(address)) != nil
  }

  /// Drops this core's translations; the tables change only while no other core runs.
  private static func flush() { writeCR3(readCR3()) }
}
