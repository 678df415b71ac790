import Ethernet
import CPU
import PCI

/// Configuration space by way of ports 0CF8H and 0CFCH (PCI Local Bus 3.0, 3.2.2.3.2). An access takes two steps, so only
/// the boot core makes any, before the others run.
struct PCIPorts: PCIConfigurationSpace {
  private static let addressPort: UInt16 = 0xCF8
  private static let dataPort: UInt16 = 0xCFC

  func read(_ function: PCIAddress, _ offset: UInt8) -> UInt32 {
    select(function, offset)
    return readPort32(Self.dataPort)
  }

  func write(_ value: UInt32, to function: PCIAddress, _ offset: UInt8) {
    select(function, offset)
    writePort32(Self.dataPort, value)
  }

  private func select(_ function: PCIAddress, _ offset: UInt8) {
    writePort32(Self.addressPort, 1 << 31 | UInt32(function.number) << 8 | UInt32(offset & 0xFC))
  }
}
