import Memory

/// Processors and interrupt controllers, as the Multiple APIC Description Table lists them (ACPI 6.5, 5.2.12).
public struct MADT: Sendable {
  /// An I/O APIC (5.2.12.3).
  public struct IOAPIC: Equatable, Sendable {
    public var address: HostPhysicalAddress
    /// Number of the global system interrupt that the first pin stands for.
    public var firstInterrupt: UInt32
  }

  /// An ISA interrupt that does not reach the I/O APICs as an edge, active high, under its own number (5.2.12.5).
  public struct SourceOverride: Equatable, Sendable {
    /// Number of the ISA interrupt.
    public var source: UInt8
    /// Number of the global system interrupt.
    public var interrupt: UInt32
    public var isActiveLow: Bool
    public var isLevelTriggered: Bool
  }

  /// Where each processor finds its own local APIC in xAPIC mode.
  public private(set) var localAPIC: HostPhysicalAddress

  /// APIC ids of the processors that firmware has made ready, in its order, each once.
  ///
  /// A processor that is not enabled but could come online at run time has no business at boot: an INIT sent
  /// to it reaches nobody.
  public private(set) var processors = BoundedList<256, UInt32>(filler: 0)

  public private(set) var ioAPICs = BoundedList<16, IOAPIC>(
    filler: IOAPIC(address: HostPhysicalAddress(0), firstInterrupt: 0))

  public private(set) var sourceOverrides = BoundedList<16, SourceOverride>(
    filler: SourceOverride(source: 0, interrupt: 0, isActiveLow: false, isLevelTriggered: false))

  /// Entries that were malformed or too many, and left out.
  public private(set) var ignoredCount = 0

  public init<Source: PhysicalMemory>(_ tables: FirmwareTables<Source>) throws(FirmwareTablesError) {
    let table = try tables.table(.madt)
    guard let address = table.load(UInt32.self, at: 36) else { throw .malformed(.madt) }
    localAPIC = HostPhysicalAddress(UInt64(address))
    var offset = 44
    while let type = table.load(UInt8.self, at: offset) {
      guard let size = table.load(UInt8.self, at: offset + 1), size >= 2, Int(size) <= table.count - offset
      else {
        ignoredCount += 1
        return
      }
      if !readEntry(table, type: type, at: offset, size: Int(size)) { ignoredCount += 1 }
      offset += Int(size)
    }
  }

  /// How the interrupt line that firmware gave a PCI function reaches the I/O APICs, if they get it from where the ISA
  /// interrupt of this number comes: level-triggered and active low (PCI Local Bus 3.0, 2.2.6) unless the table says
  /// otherwise.
  public func pciInterrupt(line: UInt8) -> SourceOverride {
    for index in sourceOverrides.indices where sourceOverrides[index].source == line {
      return sourceOverrides[index]
    }
    return SourceOverride(
      source: line, interrupt: UInt32(line), isActiveLow: true, isLevelTriggered: true)
  }

  /// Takes the entry at `offset`; false where it is too short or finds no room.
  private mutating func readEntry<Source: PhysicalMemory>(
    _ table: FirmwareTable<Source>, type: UInt8, at offset: Int, size: Int
  ) -> Bool {
    func load<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, _ field: Int) -> Value? {
      field + Value.bitWidth / 8 <= size ? table.load(type, at: offset + field) : nil
    }
    switch type {
    case 0:  // local APIC (5.2.12.2)
      guard let identifier = load(UInt8.self, 3), let flags = load(UInt32.self, 4) else { return false }
      // 0xFF addresses all local APICs at once and is none's own.
      return identifier == 0xFF || addProcessor(UInt32(identifier), flags: flags)
    case 9:  // local x2APIC (5.2.12.12)
      guard let identifier = load(UInt32.self, 4), let flags = load(UInt32.self, 8) else { return false }
      return identifier == .max || addProcessor(identifier, flags: flags)
    case 1:
      guard let address = load(UInt32.self, 4), let first = load(UInt32.self, 8) else { return false }
      return ioAPICs.append(IOAPIC(address: HostPhysicalAddress(UInt64(address)), firstInterrupt: first))
    case 2:
      guard let source = load(UInt8.self, 3), let interrupt = load(UInt32.self, 4),
        let flags = load(UInt16.self, 8)
      else { return false }
      return sourceOverrides.append(
        SourceOverride(
          source: source, interrupt: interrupt,
          isActiveLow: flags & 0b11 == 0b11, isLevelTriggered: flags >> 2 & 0b11 == 0b11))
    case 5:  // local APIC address override (5.2.12.8)
      guard let address = load(UInt64.self, 4) else { return false }
      localAPIC = HostPhysicalAddress(address)
      return true
    default:
      return true
    }
  }

  private mutating func addProcessor(_ identifier: UInt32, flags: UInt32) -> Bool {
    let isEnabled = flags & 1 != 0
    guard isEnabled else { return true }
    for index in processors.indices where processors[index] == identifier { return true }
    return processors.append(identifier)
  }
}
