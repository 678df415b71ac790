/// The devices that every guest has, on the port bus and behind the I/O APIC.
///
/// The bus is eight bits wide, as the ISA bus was for such devices: a wider access is that many accesses to
/// consecutive ports, lowest first. A port that no device claims reads all ones and ignores writes. There is
/// no 8259 or 8042: the guest uses hardware-reduced ACPI.
///
/// After any call that is `mutating`, drain `nextInterrupt` until it returns nil.
public struct Platform: Sendable {
  /// Size of a port access, in bytes.
  public enum PortWidth: UInt16, Sendable {
    case byte = 1
    case word = 2
    case doubleword = 4
  }

  public enum SerialPort: Sendable {
    case com1
    case com2
  }

  public private(set) var ioAPIC = IOAPIC()
  private var com1 = UART16550()
  private var com2 = UART16550()
  private var rtc: RTC
  private var pit: PIT8254
  private let pmTimer: PMTimer
  private var power = PowerControl()
  private var pci = PCIConfiguration()

  /// Accesses none of whose bytes met a device.
  public private(set) var unclaimedReads: UInt64 = 0
  public private(set) var unclaimedWrites: UInt64 = 0

  /// The devices at power-up.
  ///
  /// - Parameters:
  ///   - frequency: that of the ticks that `now` counts, here and everywhere below.
  ///   - secondsSinceEpoch: UTC at tick `now`, since the start of 1970.
  public init(frequency: TSCFrequency, secondsSinceEpoch: UInt64, now: UInt64) {
    rtc = RTC(secondsSinceEpoch: secondsSinceEpoch, now: now, frequency: frequency)
    pit = PIT8254(frequency: frequency)
    pmTimer = PMTimer(frequency: frequency)
  }

  /// What the guest has asked of the machine, if anything.
  public var powerRequest: PowerRequest? { power.request }

  /// When `advance` must be called next, or nil while no device waits for time to pass.
  public var nextEvent: UInt64? {
    guard let first = rtc.nextEvent, let second = pit.nextEvent else { return rtc.nextEvent ?? pit.nextEvent }
    return min(first, second)
  }

  /// Lets what was due up to `now` happen.
  public mutating func advance(now: UInt64) {
    rtc.advance(now: now)
    pit.advance(now: now)
    updateLines()
  }

  /// The next message from the I/O APIC to the local APICs.
  @inline(__always)
  public mutating func nextInterrupt() -> InterruptMessage? { ioAPIC.nextInterrupt() }

  /// A local APIC has ended the level-triggered interrupt `vector`.
  public mutating func endOfInterrupt(_ vector: UInt8) { ioAPIC.endOfInterrupt(vector) }

  /// Reads 32 bits at byte `offset` of the page at `GuestMemoryMap.ioAPIC`.
  public func readIOAPIC(offset: UInt32) -> UInt32 { ioAPIC.read(offset: offset) }

  /// Writes 32 bits at byte `offset` of the page at `GuestMemoryMap.ioAPIC`.
  public mutating func writeIOAPIC(offset: UInt32, _ value: UInt32) { ioAPIC.write(offset: offset, value) }

  /// Whether a byte for the guest would find room now.
  public func canReceive(on port: SerialPort) -> Bool {
    port == .com1 ? com1.canReceive : com2.canReceive
  }

  /// Hands the guest a byte that arrived; an overrun, as on the wire, where it has no room.
  public mutating func receive(_ byte: UInt8, on port: SerialPort) {
    if port == .com1 { com1.receive(byte) } else { com2.receive(byte) }
    updateLines()
  }

  /// Whether `nextTransmitted` has a byte of either port.
  public var hasTransmitted: Bool { com1.hasTransmitted || com2.hasTransmitted }

  /// The next byte that the guest has sent. Both ports must be drained: a guest waits where nobody does.
  public mutating func nextTransmitted(on port: SerialPort) -> UInt8? {
    let byte = port == .com1 ? com1.nextTransmitted() : com2.nextTransmitted()
    updateLines()
    return byte
  }

  /// Reads from `port` on; the bits above the width are 0.
  public mutating func readPort(_ port: UInt16, _ width: PortWidth, now: UInt64) -> UInt32 {
    if port == GuestPorts.pciAddress && width == .doubleword { return pci.address }
    var value: UInt32 = 0
    var isClaimed = false
    for offset in 0..<width.rawValue {
      let byte = readByte(port &+ offset, now: now)
      if byte != nil { isClaimed = true }
      value |= UInt32(byte ?? 0xFF) << UInt32(8 * offset)
    }
    if isClaimed { updateLines() } else { unclaimedReads &+= 1 }
    return value
  }

  /// Writes the low bits of `value`, as many as the width has, from `port` on.
  public mutating func writePort(_ port: UInt16, _ width: PortWidth, _ value: UInt32, now: UInt64) {
    if port == GuestPorts.pciAddress && width == .doubleword { return pci.writeAddress(value) }
    var isClaimed = false
    for offset in 0..<width.rawValue {
      let byte = UInt8(truncatingIfNeeded: value >> UInt32(8 * offset))
      if writeByte(port &+ offset, byte, now: now) { isClaimed = true }
    }
    if isClaimed { updateLines() } else { unclaimedWrites &+= 1 }
  }

  /// Nil where no device claims the port.
  private mutating func readByte(_ port: UInt16, now: UInt64) -> UInt8? {
    switch port {
    case GuestPorts.com1: com1.read(UInt8(port - GuestPorts.com1.lowerBound))
    case GuestPorts.com2: com2.read(UInt8(port - GuestPorts.com2.lowerBound))
    case GuestPorts.rtc: rtc.read(UInt8(port - GuestPorts.rtc.lowerBound), now: now)
    case GuestPorts.pit: pit.read(UInt8(port - GuestPorts.pit.lowerBound), now: now)
    case GuestPorts.systemControl: pit.readSystemControl(now: now)
    case GuestPorts.pmTimer:
      UInt8(
        truncatingIfNeeded: pmTimer.value(now: now) >> UInt32(8 * (port - GuestPorts.pmTimer.lowerBound)))
    case GuestPorts.pciData: pci.readData(port - GuestPorts.pciData.lowerBound)
    case GuestPorts.sleepControl: power.readSleepControl()
    case GuestPorts.sleepStatus, GuestPorts.reset: 0
    default: nil
    }
  }

  /// False where no device claims the port.
  private mutating func writeByte(_ port: UInt16, _ value: UInt8, now: UInt64) -> Bool {
    switch port {
    case GuestPorts.com1: com1.write(UInt8(port - GuestPorts.com1.lowerBound), value)
    case GuestPorts.com2: com2.write(UInt8(port - GuestPorts.com2.lowerBound), value)
    case GuestPorts.rtc: rtc.write(UInt8(port - GuestPorts.rtc.lowerBound), value, now: now)
    case GuestPorts.pit: pit.write(UInt8(port - GuestPorts.pit.lowerBound), value, now: now)
    case GuestPorts.systemControl: pit.writeSystemControl(value, now: now)
    case GuestPorts.sleepControl: power.writeSleepControl(value)
    case GuestPorts.reset: power.writeReset(value)
    case GuestPorts.sleepStatus, GuestPorts.pmTimer, GuestPorts.pciData: break
    default: return false
    }
    return true
  }

  private mutating func updateLines() {
    ioAPIC.setLine(GuestPorts.com1IRQ, asserted: com1.isInterruptAsserted)
    ioAPIC.setLine(GuestPorts.com2IRQ, asserted: com2.isInterruptAsserted)
    ioAPIC.setLine(GuestPorts.rtcIRQ, asserted: rtc.isInterruptAsserted)
    if pit.takeInterruptEdge() {
      ioAPIC.setLine(GuestPorts.pitIRQ, asserted: false)
      ioAPIC.setLine(GuestPorts.pitIRQ, asserted: true)
    }
    ioAPIC.setLine(GuestPorts.pitIRQ, asserted: pit.isInterruptAsserted)
  }
}
