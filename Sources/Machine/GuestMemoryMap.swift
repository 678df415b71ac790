import Memory

/// Where the guest's RAM, firmware tables and devices stand in guest-physical space.
///
///     0x0000_0000 ┌──────────────────────────────┐
///                 │ RAM                          │  boot structures of the loaders: 0x1000 … 0x9_0000
///     0x000A_0000 ├──────────────────────────────┤
///                 │ hole (VGA and ROMs on a PC)  │
///     0x000E_0000 ├──────────────────────────────┤
///                 │ RAM: ACPI tables, reserved   │
///     0x0010_0000 ├──────────────────────────────┤
///                 │ RAM                          │
///     0xC000_0000 ├──────────────────────────────┤  or the end of RAM, whichever comes first
///                 │ hole: PCI windows            │
///     0xFEC0_0000 │   I/O APIC (4 KiB)           │
///     0xFEE0_0000 │   local APIC (4 KiB)         │
///   0x1_0000_0000 ├──────────────────────────────┤
///                 │ RAM, what is left of it      │
///                 └──────────────────────────────┘
public struct GuestMemoryMap: Sendable {
  public static let legacyHole: Range<UInt64> = 0xA_0000..<0xE_0000
  /// Where a PC's adapters have their ROMs, the upper part of the legacy hole. There are none, but a guest looks for
  /// them, word by word.
  public static let adapterROMs: Range<UInt64> = 0xC_0000..<0xE_0000
  public static let firmwareTables: Range<UInt64> = 0xE_0000..<0x10_0000
  public static let deviceHole: Range<UInt64> = 0xC000_0000..<0x1_0000_0000
  public static let ioAPIC = GuestPhysicalAddress(0xFEC0_0000)
  public static let localAPIC = GuestPhysicalAddress(0xFEE0_0000)

  /// The least RAM that a map can be made of, in bytes: the first MiB and something to load a kernel to.
  public static let minimumRAM: UInt64 = 2 << 20

  /// Kinds of ranges as the firmware's memory map reports them (ACPI 6.5, 15, table 15.2).
  public enum Kind: UInt32, Sendable {
    case usable = 1
    case reserved = 2
  }

  /// One line of the map that boot protocols hand to the guest (E820).
  public struct Entry: Equatable, Sendable {
    public var range: Range<UInt64>
    public var kind: Kind

    public init(_ range: Range<UInt64>, _ kind: Kind) {
      self.range = range
      self.kind = kind
    }
  }

  /// Bytes of RAM behind the map, the legacy hole not counted: a multiple of 4 KiB.
  public let ramSize: UInt64

  /// A map for `ramSize` bytes of RAM, rounded down to whole pages, or nil where that is below `minimumRAM`.
  public init?(ramSize: UInt64) {
    guard ramSize >= Self.minimumRAM else { return nil }
    self.ramSize = ramSize & ~(pageSize - 1)
  }

  /// The RAM that starts at 1 MiB and ends at the device hole or where RAM runs out.
  public var extendedRange: Range<UInt64> {
    let legacy = UInt64(Self.legacyHole.count)
    return Self.firmwareTables.upperBound..<min(ramSize + legacy, Self.deviceHole.lowerBound)
  }

  /// The RAM above 4 GiB; empty where all of it fits below the device hole.
  public var highRange: Range<UInt64> {
    let base = Self.deviceHole.upperBound
    let low = extendedRange.upperBound - UInt64(Self.legacyHole.count)
    return base..<base + (ramSize - low)
  }

  /// All RAM in rising order: what the holes leave of it. At most three ranges.
  public var ranges: [Range<UInt64>] {
    var ranges = [0..<Self.legacyHole.lowerBound, Self.firmwareTables.lowerBound..<extendedRange.upperBound]
    if !highRange.isEmpty { ranges.append(highRange) }
    return ranges
  }

  /// One past the highest guest-physical address that RAM stands behind.
  public var endOfRAM: GuestPhysicalAddress {
    GuestPhysicalAddress(highRange.isEmpty ? extendedRange.upperBound : highRange.upperBound)
  }

  /// Whether RAM stands behind `address`.
  @inline(__always)
  public func isRAM(_ address: GuestPhysicalAddress) -> Bool {
    let value = address.value
    return value < Self.legacyHole.lowerBound
      || (value >= Self.firmwareTables.lowerBound && value < extendedRange.upperBound)
      || (value >= highRange.lowerBound && value < highRange.upperBound)
  }

  /// The 2 MiB-aligned block that `address` is in, where all of it is RAM.
  public func block(of address: GuestPhysicalAddress) -> GuestPhysicalAddress? {
    let start = address.value & ~(2 << 20 - 1)
    let block = start..<start + 2 << 20
    let range = start < Self.deviceHole.upperBound ? extendedRange : highRange
    let isWhole = range.lowerBound <= block.lowerBound && block.upperBound <= range.upperBound
    return isWhole ? GuestPhysicalAddress(start) : nil
  }

  /// The map in rising order, for the boot protocols; at most five entries.
  public var entries: [Entry] {
    var entries = [
      Entry(0..<Self.legacyHole.lowerBound, .usable),
      Entry(Self.firmwareTables, .reserved),
      Entry(extendedRange, .usable),
      Entry(Self.ioAPIC.value..<Self.localAPIC.value + pageSize, .reserved),
    ]
    if !highRange.isEmpty { entries.append(Entry(highRange, .usable)) }
    return entries
  }
}
