import CPU
import EPT
import Firmware
import Memory

/// The PC's I/O APICs (Intel 82093AA data sheet, 3.1 and 3.2). No device interrupts us, so every line is masked:
/// firmware may have left one open.
enum HostIOAPIC {
  private static let select: UInt64 = 0x00
  private static let window: UInt64 = 0x10
  private static let versionIndex: UInt32 = 0x01
  private static let firstEntryIndex: UInt32 = 0x10
  private static let maskBit: UInt32 = 1 << 16

  static func maskAll(_ ioAPIC: MADT.IOAPIC) throws(PageTableError) {
    let base = ioAPIC.address.value
    try KernelPageTables.mapDevice(ioAPIC.address, count: pageSize)
    writeMMIO32(base + select, versionIndex)
    let highest = readMMIO32(base + window) >> 16 & 0xFF
    for entry in 0...highest {
      writeMMIO32(base + select, firstEntryIndex + 2 * entry)
      writeMMIO32(base + window, maskBit)
    }
  }
}
