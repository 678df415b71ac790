import EPT
import Memory

/// What a processor finds when it translates one guest-physical address.
enum Walk: Equatable {
  case notPresent
  /// An entry that the manual forbids, or that our tables never have.
  case malformed(UInt64, level: Int)
  case mapped(Mapping)
}

/// A processor's page walker, written from the manual and sharing nothing with the module under test.
protocol SecondLevelProcessor: Sendable {
  associatedtype Format: PageTableFormat
  var format: Format { get }
  var physicalAddressWidth: UInt64 { get }
  var largestLevel: Int { get }
  /// Permissions that a leaf can grant, and types that it can have.
  var permissions: [PagePermissions] { get }
  var memoryTypes: [MemoryType] { get }

  func isPresent(_ entry: UInt64) -> Bool
  func isWellFormed(_ entry: UInt64, level: Int, isLeaf: Bool) -> Bool
  func permissions(_ entry: UInt64) -> PagePermissions
  func memoryType(_ entry: UInt64) -> MemoryType?
}

extension SecondLevelProcessor {
  func walk(
    _ address: UInt64, _ frames: TableFrames, from table: HostPhysicalAddress, level start: Int = 3
  ) -> Walk {
    var table = table.value
    var granted = PagePermissions.all
    for level in (0...start).reversed() {
      let shift = UInt64(12 + 9 * level)
      let entry = frames[HostPhysicalAddress(table + (address >> shift) % 512 * 8)]
      guard isPresent(entry) else { return .notPresent }
      let isLeaf = level == 0 || entry & 0x80 != 0
      let pointer = entry & 0x000F_FFFF_FFFF_F000
      let alignment: UInt64 = isLeaf ? 1 << shift : 4096
      guard level <= largestLevel || !isLeaf, pointer % alignment == 0, pointer >> physicalAddressWidth == 0,
        isWellFormed(entry, level: level, isLeaf: isLeaf)
      else { return .malformed(entry, level: level) }
      granted.formIntersection(permissions(entry))
      if isLeaf {
        guard let memoryType = memoryType(entry) else { return .malformed(entry, level: level) }
        let host = HostPhysicalAddress(pointer + address % alignment)
        return .mapped(
          Mapping(host: host, size: PageSize(rawValue: level)!, permissions: granted, memoryType: memoryType))
      }
      table = pointer
    }
    return .notPresent
  }

  /// Walks every table that is linked below `table`; returns how many there are, itself included, and a malformed
  /// entry if there is one.
  func sweep(
    _ frames: TableFrames, _ table: HostPhysicalAddress, level: Int = 3
  ) -> (tables: Int, malformed: UInt64?) {
    var tables = 1
    var malformed: UInt64?
    for index: UInt64 in 0..<512 {
      let entry = frames[table + index * 8]
      if entry == 0 { continue }
      let isLeaf = level == 0 || entry & 0x80 != 0
      let pointer = entry & 0x000F_FFFF_FFFF_F000
      if !isPresent(entry) || !isWellFormed(entry, level: level, isLeaf: isLeaf)
        || pointer >> physicalAddressWidth != 0
        || (isLeaf
          && (level > largestLevel || pointer % (1 << UInt64(12 + 9 * level)) != 0
            || memoryType(entry) == nil))
      {
        malformed = entry
      }
      if !isLeaf {
        let below = sweep(frames, HostPhysicalAddress(pointer), level: level - 1)
        tables += below.tables
        malformed = malformed ?? below.malformed
      }
    }
    return (tables, malformed)
  }
}

/// SDM Vol. 3C, 29.3.2 and 29.3.3.1, with the accessed and dirty flags off.
struct EPTProcessor: SecondLevelProcessor {
  var hasExecuteOnly = true
  var largestLevel = 2
  let physicalAddressWidth: UInt64 = 46

  var format: EPTFormat {
    var value: UInt64 = hasExecuteOnly ? 1 : 0
    if largestLevel > 0 { value |= 1 << 16 }
    if largestLevel > 1 { value |= 1 << 17 }
    return EPTFormat(capabilities: EPTCapabilities(rawValue: value), physicalAddressWidth: 46)
  }

  var permissions: [PagePermissions] {
    [.read, [.read, .write], [.read, .execute], .all] + (hasExecuteOnly ? [.execute] : [])
  }

  var memoryTypes: [MemoryType] {
    [.writeBack, .uncacheable, .writeCombining, .writeThrough, .writeProtected]
  }

  func isPresent(_ entry: UInt64) -> Bool { entry & 7 != 0 }

  func isWellFormed(_ entry: UInt64, level: Int, isLeaf: Bool) -> Bool {
    let unused: UInt64 = 0xFFF0_0000_0000_0F00
    if entry & unused != 0 { return false }
    if entry & 3 == 2 || (entry & 7 == 4 && !hasExecuteOnly) { return false }
    if !isLeaf { return entry & 0xF8 == 0 && entry & 7 == 7 }
    // Ignore PAT is ours to choose; bit 7 of a 4 KiB leaf is ignored, and kept clear.
    return entry & 0x40 != 0 && (level > 0 || entry & 0x80 == 0)
  }

  func permissions(_ entry: UInt64) -> PagePermissions {
    var permissions: PagePermissions = []
    if entry & 1 != 0 { permissions.insert(.read) }
    if entry & 2 != 0 { permissions.insert(.write) }
    if entry & 4 != 0 { permissions.insert(.execute) }
    return permissions
  }

  func memoryType(_ entry: UInt64) -> MemoryType? {
    [.uncacheable, .writeCombining, nil, nil, .writeThrough, .writeProtected, .writeBack, nil][
      Int(entry >> 3 & 7)]
  }
}

/// APM Vol. 2, 5.3, 5.4 and 15.25, with the PAT as at reset.
struct NPTProcessor: SecondLevelProcessor {
  var largestLevel = 2
  let physicalAddressWidth: UInt64 = 48

  var format: NPTFormat { NPTFormat(has1GPages: largestLevel == 2, physicalAddressWidth: 48) }
  var permissions: [PagePermissions] { [.read, [.read, .write], [.read, .execute], .all] }
  var memoryTypes: [MemoryType] { [.writeBack, .uncacheable, .writeThrough] }

  func isPresent(_ entry: UInt64) -> Bool { entry & 1 != 0 }

  func isWellFormed(_ entry: UInt64, level: Int, isLeaf: Bool) -> Bool {
    let unused: UInt64 = 0x7FF0_0000_0000_0F00
    let user: UInt64 = 0x04
    let accessed: UInt64 = 0x20
    let dirty: UInt64 = 0x40
    guard entry & unused == 0, entry & user != 0, entry & accessed != 0 else { return false }
    if !isLeaf { return entry & 0x98 == 0 }
    return entry & dirty != 0 && (level > 0 || entry & 0x80 == 0)
  }

  func permissions(_ entry: UInt64) -> PagePermissions {
    var permissions: PagePermissions = .read
    if entry & 2 != 0 { permissions.insert(.write) }
    if entry >> 63 == 0 { permissions.insert(.execute) }
    return permissions
  }

  func memoryType(_ entry: UInt64) -> MemoryType? {
    [.writeBack, .writeThrough, nil, .uncacheable][Int(entry >> 3 & 3)]
  }
}
