import Memory

/// Where the configuration spaces of PCI devices are mapped into memory (PCI Firmware Specification 3.3, 4.1.2).
public struct MCFG: Sendable {
  /// The configuration spaces of a range of buses, 4 KiB for each function.
  public struct Window: Equatable, Sendable {
    /// Where bus 0 of the segment would be, even where the window starts at a later bus.
    public var base: HostPhysicalAddress
    public var segment: UInt16
    public var buses: ClosedRange<UInt8>

    /// The address of a function's configuration space; nil for a bus outside the window.
    public func address(bus: UInt8, device: UInt8, function: UInt8) -> HostPhysicalAddress? {
      guard buses.contains(bus), device < 32, function < 8 else { return nil }
      return base + (UInt64(bus) << 20 | UInt64(device) << 15 | UInt64(function) << 12)
    }
  }

  public private(set) var windows = BoundedList<16, Window>(
    filler: Window(base: HostPhysicalAddress(0), segment: 0, buses: 0...0))

  /// Entries that were malformed or too many, and left out.
  public private(set) var ignoredCount = 0

  public init<Source: PhysicalMemory>(_ tables: FirmwareTables<Source>) throws(FirmwareTablesError) {
    let table = try tables.table(.mcfg)
    var offset = 44
    while let base = table.load(UInt64.self, at: offset),
      let segment = table.load(UInt16.self, at: offset + 8),
      let first = table.load(UInt8.self, at: offset + 10),
      let last = table.load(UInt8.self, at: offset + 11)
    {
      offset += 16
      let end = base.addingReportingOverflow((UInt64(last) + 1) << 20)
      guard first <= last, !end.overflow, end.partialValue <= MemoryMap.addressLimit.value,
        windows.append(Window(base: HostPhysicalAddress(base), segment: segment, buses: first...last))
      else {
        ignoredCount += 1
        continue
      }
    }
  }
}
