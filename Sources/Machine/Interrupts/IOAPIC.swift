/// The guest's I/O APIC: 24 inputs, each of which becomes an interrupt message as its redirection entry says
/// (Intel 82093AA, "I/O Advanced Programmable Interrupt Controller", section 3; the EOI register is that of
/// version 0x20).
///
/// Devices assert an input logically: the polarity that the guest programs is kept and not looked at. Inputs
/// and entries only change bit sets; `nextInterrupt` makes a message of what they say is due. Call it until
/// it returns nil after anything that changes this value.
///
/// - An edge-triggered input sends once for each rise. While it is masked, a rise is lost.
/// - A level-triggered input sends while it is asserted, unmasked, and no message of it is under way (remote
///   IRR clear). The end of the interrupt clears remote IRR, so an input that is still asserted sends again.
public struct IOAPIC: Sendable {
  public static let pinCount = 24

  private static let version: UInt32 = 0x0017_0020

  /// Bits of a redirection entry (82093AA, 3.2.4, "IOREDTBL[23:0]—I/O Redirection Table Registers").
  private enum Entry {
    static let logical: UInt64 = 1 << 11
    static let level: UInt64 = 1 << 15
    static let masked: UInt64 = 1 << 16
    static let remoteIRRBit: UInt64 = 14
    /// All but delivery status and remote IRR.
    static let writable: UInt64 = 0xFF00_0000_0001_AFFF
  }

  private var selected: UInt8 = 0
  private var id: UInt32 = 0
  private var entries = InlineArray<24, UInt64>(repeating: Entry.masked)

  // One bit for each input.
  private var asserted: UInt32 = 0
  private var risen: UInt32 = 0
  private var remoteIRR: UInt32 = 0
  private var masked: UInt32 = 0xFF_FFFF
  private var levelTriggered: UInt32 = 0

  public init() {}

  /// Asserts or releases an input; others than the 24 are ignored.
  public mutating func setLine(_ pin: UInt8, asserted isAsserted: Bool) {
    guard pin < Self.pinCount else { return }
    let bit: UInt32 = 1 << UInt32(pin)
    if isAsserted {
      risen |= bit & ~asserted & ~masked & ~levelTriggered
      asserted |= bit
    } else {
      asserted &= ~bit
    }
  }

  /// The next message that is due, of the lowest input first.
  @inline(__always)
  public mutating func nextInterrupt() -> InterruptMessage? {
    var due = risen | asserted & levelTriggered & ~masked & ~remoteIRR
    while due != 0 {
      let bit = due & (0 &- due)
      due &= ~bit
      risen &= ~bit
      remoteIRR |= bit & levelTriggered
      if let message = message(of: entries[bit.trailingZeroBitCount]) { return message }
    }
    return nil
  }

  /// A local APIC, or the guest through the EOI register, has ended the level-triggered interrupt `vector`.
  public mutating func endOfInterrupt(_ vector: UInt8) {
    var waiting = remoteIRR
    while waiting != 0 {
      let bit = waiting & (0 &- waiting)
      waiting &= ~bit
      if UInt8(truncatingIfNeeded: entries[bit.trailingZeroBitCount]) == vector { remoteIRR &= ~bit }
    }
  }

  /// Reads 32 bits at byte `offset` of the I/O APIC's page: IOREGSEL, IOWIN, or 0.
  public func read(offset: UInt32) -> UInt32 {
    switch offset {
    case 0x00: UInt32(selected)
    case 0x10: readSelected()
    default: 0
    }
  }

  /// Writes 32 bits at byte `offset` of the I/O APIC's page: IOREGSEL, IOWIN or EOI; others are ignored.
  public mutating func write(offset: UInt32, _ value: UInt32) {
    switch offset {
    case 0x00: selected = UInt8(truncatingIfNeeded: value)
    case 0x10: writeSelected(value)
    case 0x40: endOfInterrupt(UInt8(truncatingIfNeeded: value))
    default: break
    }
  }

  /// Entry and half that IOREGSEL selects.
  private var selectedEntry: (pin: Int, isHigh: Bool)? {
    guard selected >= 0x10, selected < 0x10 + 2 * Self.pinCount else { return nil }
    return (Int(selected - 0x10) / 2, selected & 1 != 0)
  }

  private func readSelected() -> UInt32 {
    if let (pin, isHigh) = selectedEntry {
      if isHigh { return UInt32(truncatingIfNeeded: entries[pin] >> 32) }
      let remote = UInt64(remoteIRR >> UInt32(pin) & 1) << Entry.remoteIRRBit
      return UInt32(truncatingIfNeeded: entries[pin] | remote)
    }
    switch selected {
    case 0, 2: return id  // the arbitration id follows the id
    case 1: return Self.version
    default: return 0
    }
  }

  private mutating func writeSelected(_ value: UInt32) {
    guard let (pin, isHigh) = selectedEntry else {
      if selected == 0 { id = value & 0x0F00_0000 }
      return
    }
    let half: UInt64 = isHigh ? UInt64(value) << 32 : UInt64(value)
    let kept: UInt64 = isHigh ? 0xFFFF_FFFF : ~0xFFFF_FFFF
    let entry = entries[pin] & kept | half & Entry.writable
    entries[pin] = entry

    let bit: UInt32 = 1 << UInt32(pin)
    // Only a fixed or lowest-priority interrupt ends with an EOI: the others are edge-triggered always.
    let isLevel = entry & Entry.level != 0 && entry >> 8 & 7 <= 1
    if isLevel { levelTriggered |= bit } else { levelTriggered &= ~bit }
    if entry & Entry.masked != 0 { masked |= bit } else { masked &= ~bit }
    remoteIRR &= levelTriggered
    risen &= ~levelTriggered & ~masked
  }

  /// Nil for a delivery mode that an I/O APIC has no message for.
  private func message(of entry: UInt64) -> InterruptMessage? {
    guard let mode = InterruptMessage.DeliveryMode(rawValue: UInt8(entry >> 8 & 7)), mode != .startUp else {
      return nil
    }
    let target = UInt32(entry >> 56)
    let destination: InterruptMessage.Destination =
      if target == 0xFF {
        .all
      } else if entry & Entry.logical != 0 {
        .logical(target)
      } else {
        .physical(target)
      }
    let isLevel = entry & Entry.level != 0 && (mode == .fixed || mode == .lowestPriority)
    return InterruptMessage(
      to: destination, mode, vector: UInt8(truncatingIfNeeded: entry), trigger: isLevel ? .level : .edge)
  }
}
