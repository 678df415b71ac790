/// PCI configuration space by mechanism #1: an address register and a data window (PCI Local Bus 3.0, 3.2.2.3.2).
///
/// A host bridge is all that stands on the bus: what a guest looks for to know that there is a bus.
struct PCIConfiguration: Sendable {
  private static let enable: UInt32 = 1 << 31
  private static let absent: UInt32 = .max

  /// Vendor and device, command and status, revision and class (host bridge): registers 0, 4 and 8 of its header.
  private static let hostBridge: InlineArray<3, UInt32> = [0x0008_1B36, 0x0000_0000, 0x0600_0000]

  /// Bits 1:0 and 30:24 do not exist.
  private(set) var address: UInt32 = 0

  mutating func writeAddress(_ value: UInt32) { address = value & 0x80FF_FFFC }

  /// The byte at `offset`, 0…3, of the register that the address names.
  func readData(_ offset: UInt16) -> UInt8 {
    UInt8(truncatingIfNeeded: register >> UInt32(8 * (offset & 3)))
  }

  private var register: UInt32 {
    // Bus, device and function of the host bridge are all 0.
    guard address & Self.enable != 0, address & 0x00FF_FF00 == 0 else { return Self.absent }
    let index = Int(address & 0xFC) / 4
    return index < Self.hostBridge.count ? Self.hostBridge[index] : 0
  }
}
