import CPU
import Memory

/// The maps that say which ports and MSRs a guest uses without an exit: a set bit intercepts (APM Vol. 2, 15.10.1
/// and 15.11).
public enum PermissionMaps {
  public static let ioPages = 3
  public static let msrPages = 2

  /// Fills 12 KiB so that every port exits.
  public static func fillPorts(_ map: HostPhysicalAddress) { fill(map, pages: UInt64(ioPages)) }

  /// Fills 8 KiB so that every MSR exits but those in `passed`.
  public static func fillMSRs(_ map: HostPhysicalAddress, passing passed: Span<UInt32>) {
    fill(map, pages: UInt64(msrPages))
    for index in passed.indices {
      guard let bit = bitIndex(of: passed[index]) else { continue }
      let address = map.value + bit / 32 * 4
      writeMMIO32(address, readMMIO32(address) & ~(0b11 << UInt32(bit % 32)))
    }
  }

  /// Makes an MSR exit again.
  public static func interceptMSR(_ msr: UInt32, in map: HostPhysicalAddress) {
    guard let bit = bitIndex(of: msr) else { return }
    let address = map.value + bit / 32 * 4
    writeMMIO32(address, readMMIO32(address) | 0b11 << UInt32(bit % 32))
  }

  /// Index of an MSR's read bit, which its write bit follows; nil for an MSR that always exits.
  static func bitIndex(of msr: UInt32) -> UInt64? {
    let range: UInt64
    switch msr {
    case 0..<0x2000: range = 0
    case 0xC000_0000..<0xC000_2000: range = 1
    case 0xC001_0000..<0xC001_2000: range = 2
    default: return nil
    }
    return range * 0x800 * 8 + UInt64(msr & 0x1FFF) * 2
  }

  private static func fill(_ map: HostPhysicalAddress, pages: UInt64) {
    for offset in stride(from: UInt64(0), to: pages * pageSize, by: 8) {
      writeMMIO64(map.value + offset, .max)
    }
  }
}
