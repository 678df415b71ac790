import CPU
import EPT
import Firmware
import Memory

/// The PC's I/O APICs (Intel 82093AA data sheet, 3.1 and 3.2). Firmware may have left lines open, so all are masked; a
/// device that is to interrupt us gets its own back.
enum HostIOAPIC {
  private static let select: UInt64 = 0x00
  private static let window: UInt64 = 0x10
  private static let versionIndex: UInt32 = 0x01
  private static let firstEntryIndex: UInt32 = 0x10
  private static let maskBit: UInt32 = 1 << 16
  private static let levelBit: UInt32 = 1 << 15
  private static let activeLowBit: UInt32 = 1 << 13

  static func maskAll(_ ioAPIC: MADT.IOAPIC) throws(PageTableError) {
    try KernelPageTables.mapDevice(ioAPIC.address, count: pageSize)
    for entry in 0...highestEntry(ioAPIC) { write(maskBit, to: firstEntryIndex + 2 * entry, of: ioAPIC) }
  }

  /// Leads an interrupt to one core; false where no I/O APIC has a pin for it. `maskAll` has seen them before.
  static func route(
    _ source: MADT.SourceOverride, to apicID: UInt32, vector: UInt8, _ madt: MADT
  ) -> Bool {
    guard let (ioAPIC, index) = entry(of: source.interrupt, madt) else { return false }
    write(apicID << 24, to: index + 1, of: ioAPIC)
    let kind = (source.isLevelTriggered ? levelBit : 0) | (source.isActiveLow ? activeLowBit : 0)
    write(UInt32(vector) | kind, to: index, of: ioAPIC)
    return true
  }

  static func mask(_ interrupt: UInt32, _ madt: MADT) {
    guard let (ioAPIC, index) = entry(of: interrupt, madt) else { return }
    write(maskBit, to: index, of: ioAPIC)
  }

  /// Where the entry of a global system interrupt begins.
  private static func entry(of interrupt: UInt32, _ madt: MADT) -> (MADT.IOAPIC, UInt32)? {
    for index in madt.ioAPICs.indices {
      let ioAPIC = madt.ioAPICs[index]
      guard interrupt >= ioAPIC.firstInterrupt else { continue }
      let pin = interrupt - ioAPIC.firstInterrupt
      if pin <= highestEntry(ioAPIC) { return (ioAPIC, firstEntryIndex + 2 * pin) }
    }
    return nil
  }

  private static func highestEntry(_ ioAPIC: MADT.IOAPIC) -> UInt32 {
    writeMMIO32(ioAPIC.address.value + select, versionIndex)
    return readMMIO32(ioAPIC.address.value + window) >> 16 & 0xFF
  }

  private static func write(_ value: UInt32, to register: UInt32, of ioAPIC: MADT.IOAPIC) {
    writeMMIO32(ioAPIC.address.value + select, register)
    writeMMIO32(ioAPIC.address.value + window, value)
  }
}
