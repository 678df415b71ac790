import Memory

/// Intel's extended page tables (SDM Vol. 3C, 29.3.2).
///
///     63        52 51                    12 11  8  7  6  5  3  2  1  0
///     ┌───────────┬────────────────────────┬─────┬──┬──┬─────┬──┬──┬──┐
///     │ ignored, 0│ address                │  0  │L │I │type │X │W │R │
///     └───────────┴────────────────────────┴─────┴──┴──┴─────┴──┴──┴──┘
///
/// L, a leaf above the lowest level. I, ignore PAT: always set in a leaf, so that the type here is the effective
/// one and a guest cannot give a page another type than the hyperkernel's own mapping of it has. An entry for a
/// table has R, W and X and nothing else beside the address. The accessed and dirty bits (8 and 9) stay clear:
/// EPTP does not enable them, so the processor never writes to a table.
///
/// Nothing that `canEncode` passes is a misconfiguration (29.3.3.1): writable needs readable, execute-only needs
/// its capability, and `MemoryType` has no reserved code.
public struct EPTFormat: PageTableFormat {
  public let hostAddressLimit: UInt64
  public let largestPage: PageSize
  private let hasExecuteOnly: Bool

  /// The format as a processor with these capabilities takes it.
  ///
  /// - Parameter physicalAddressWidth: MAXPHYADDR, CPUID 8000_0008H:EAX[7:0].
  public init(capabilities: EPTCapabilities, physicalAddressWidth: UInt8) {
    hostAddressLimit = Self.addressLimit(width: physicalAddressWidth)
    if capabilities.contains([.page2M, .page1G]) {
      largestPage = .page1G
    } else {
      largestPage = capabilities.contains(.page2M) ? .page2M : .page4K
    }
    hasExecuteOnly = capabilities.contains(.executeOnly)
  }

  @inline(__always)
  public func canEncode(_ permissions: PagePermissions) -> Bool {
    permissions.contains(.read) || (permissions == .execute && hasExecuteOnly)
  }

  @inline(__always)
  public func canEncode(_ memoryType: MemoryType) -> Bool { true }

  @inline(__always)
  public static func isPresent(_ entry: UInt64) -> Bool { entry & 0b111 != 0 }

  @inline(__always)
  public static func isLargePage(_ entry: UInt64) -> Bool { entry & 1 << 7 != 0 }

  @inline(__always)
  public static func encode(table: HostPhysicalAddress) -> UInt64 { table.value | 0b111 }

  @inline(__always)
  public static func encode(_ leaf: Mapping) -> UInt64 {
    let entry =
      leaf.host.value | 1 << 6 | UInt64(leaf.memoryType.rawValue) << 3 | UInt64(leaf.permissions.rawValue)
    return leaf.size == .page4K ? entry : entry | 1 << 7
  }

  @inline(__always)
  public static func decode(_ entry: UInt64, _ size: PageSize) -> Mapping {
    Mapping(
      host: frame(entry, size), size: size,
      permissions: PagePermissions(rawValue: UInt8(entry & 0b111)),
      memoryType: MemoryType(rawValue: UInt8(entry >> 3 & 0b111)) ?? .uncacheable)
  }
}
