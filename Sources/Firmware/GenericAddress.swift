import Memory

/// Where firmware says that a register is (ACPI 6.5, 5.2.3.2), of the kinds that a kernel meets at boot.
public enum GenericAddress: Equatable, Sendable {
  case memory(HostPhysicalAddress)
  case port(UInt16)
  /// A register in the configuration space of a device on PCI bus 0.
  case pciConfiguration(device: UInt8, function: UInt8, offset: UInt16)

  /// The 12-byte structure at byte `offset` of `table`; nil where it is absent, zero or of another kind.
  init?<Source: PhysicalMemory>(_ table: FirmwareTable<Source>, at offset: Int) {
    guard
      let space = table.load(UInt8.self, at: offset),
      let address = table.load(UInt64.self, at: offset + 4), address != 0
    else { return nil }
    switch space {
    case 0:
      self = .memory(HostPhysicalAddress(address))
    case 1:
      guard let port = UInt16(exactly: address) else { return nil }
      self = .port(port)
    case 2:
      let (device, function) = (address >> 32, address >> 16 & 0xFFFF)
      guard device < 32, function < 8 else { return nil }
      self = .pciConfiguration(
        device: UInt8(device), function: UInt8(function), offset: UInt16(truncatingIfNeeded: address))
    default:
      return nil
    }
  }
}
