import Memory

/// AMD's nested page tables: ordinary long-mode entries (APM Vol. 2, 5.3 and 15.25).
///
///     63   62     52 51                    12 11   8  7  6  5  4   3   2  1  0
///     ┌───┬─────────┬────────────────────────┬──────┬──┬──┬──┬───┬───┬──┬──┬──┐
///     │NX │    0    │ address                │  0   │L │D │A │PCD│PWT│US│RW│P │
///     └───┴─────────┴────────────────────────┴──────┴──┴──┴──┴───┴───┴──┴──┴──┘
///
/// - US is always set: a nested access counts as a user's (15.25.5).
/// - What is present is readable. Permissions without `read` have no encoding, so a table in this format refuses
///   them with `unsupportedPermissions` rather than grant more than was asked for.
/// - A and D are set from the start. The nested walk cannot be told to leave them alone, and so it finds nothing
///   to write.
/// - PCD and PWT select from the *host's* PAT, whose entries 0, 1 and 3 must be write-back, write-through and
///   uncacheable, as they are after reset; other types are refused. The guest's PAT is combined with it (15.25.8).
/// - NX is a reserved bit unless the host runs with EFER.NXE set.
public struct NPTFormat: PageTableFormat {
  public let hostAddressLimit: UInt64
  public let largestPage: PageSize

  private static let present: UInt64 = 1 << 0
  private static let writable: UInt64 = 1 << 1
  private static let user: UInt64 = 1 << 2
  private static let writeThrough: UInt64 = 1 << 3
  private static let cacheDisable: UInt64 = 1 << 4
  private static let accessed: UInt64 = 1 << 5
  private static let dirty: UInt64 = 1 << 6
  private static let large: UInt64 = 1 << 7
  private static let noExecute: UInt64 = 1 << 63

  /// The format as this processor takes it.
  ///
  /// - Parameters:
  ///   - has1GPages: CPUID 8000_0001H:EDX[26].
  ///   - physicalAddressWidth: CPUID 8000_0008H:EAX[7:0].
  public init(has1GPages: Bool, physicalAddressWidth: UInt8) {
    hostAddressLimit = Self.addressLimit(width: physicalAddressWidth)
    largestPage = has1GPages ? .page1G : .page2M
  }

  @inline(__always)
  public func canEncode(_ permissions: PagePermissions) -> Bool { permissions.contains(.read) }

  @inline(__always)
  public func canEncode(_ memoryType: MemoryType) -> Bool {
    memoryType == .writeBack || memoryType == .writeThrough || memoryType == .uncacheable
  }

  @inline(__always)
  public static func isPresent(_ entry: UInt64) -> Bool { entry & present != 0 }

  @inline(__always)
  public static func isLargePage(_ entry: UInt64) -> Bool { entry & large != 0 }

  @inline(__always)
  public static func encode(table: HostPhysicalAddress) -> UInt64 {
    table.value | accessed | user | writable | present
  }

  @inline(__always)
  public static func encode(_ leaf: Mapping) -> UInt64 {
    var entry = leaf.host.value | dirty | accessed | user | present
    if leaf.size != .page4K { entry |= large }
    if leaf.permissions.contains(.write) { entry |= writable }
    if !leaf.permissions.contains(.execute) { entry |= noExecute }
    switch leaf.memoryType {
    case .writeBack: break
    case .writeThrough: entry |= writeThrough
    default: entry |= cacheDisable | writeThrough
    }
    return entry
  }

  @inline(__always)
  public static func decode(_ entry: UInt64, _ size: PageSize) -> Mapping {
    var permissions: PagePermissions = .read
    if entry & writable != 0 { permissions.insert(.write) }
    if entry & noExecute == 0 { permissions.insert(.execute) }
    let memoryType: MemoryType =
      entry & cacheDisable != 0 ? .uncacheable : entry & writeThrough != 0 ? .writeThrough : .writeBack
    return Mapping(host: frame(entry, size), size: size, permissions: permissions, memoryType: memoryType)
  }
}
