/// A 16550A serial port (National Semiconductor PC16550D, "Universal Asynchronous Receiver/Transmitter with
/// FIFOs", section 8), wired as on a PC: OUT2 gates its interrupt, and a terminal that is always ready is at
/// the other end.
///
/// No time passes on the line. A byte that the guest writes has left for the queue that the host side drains
/// with `nextTransmitted`: clearing the transmit FIFO cannot take it back. The transmitter reports itself
/// empty only while a whole FIFO of 16 bytes fits, so a guest that honours LSR or the transmitter interrupt
/// loses nothing, however slowly the queue drains. A received byte below the FIFO's trigger level counts as
/// timed out at once.
public struct UART16550: Sendable {
  private enum Register {
    static let data: UInt8 = 0
    static let interruptEnable: UInt8 = 1
    /// Reads; a write goes to the FIFO control register.
    static let interruptIdentification: UInt8 = 2
    static let lineControl: UInt8 = 3
    static let modemControl: UInt8 = 4
    static let lineStatus: UInt8 = 5
    static let modemStatus: UInt8 = 6
    static let scratch: UInt8 = 7
  }

  private struct InterruptEnable: OptionSet {
    let rawValue: UInt8
    static let receivedData = Self(rawValue: 1 << 0)
    static let transmitterEmpty = Self(rawValue: 1 << 1)
    static let lineStatus = Self(rawValue: 1 << 2)
    static let modemStatus = Self(rawValue: 1 << 3)
    static let all = Self(rawValue: 0xF)
  }

  /// Interrupt sources as the interrupt identification register shows them, the most urgent first.
  private enum Interrupt: UInt8 {
    case lineStatus = 0b0110
    case receivedData = 0b0100
    case characterTimeout = 0b1100
    case transmitterEmpty = 0b0010
    case modemStatus = 0b0000
    case none = 0b0001
  }

  private struct LineStatus: OptionSet {
    let rawValue: UInt8
    static let dataReady = Self(rawValue: 1 << 0)
    static let overrun = Self(rawValue: 1 << 1)
    static let holdingRegisterEmpty = Self(rawValue: 1 << 5)
    static let transmitterEmpty = Self(rawValue: 1 << 6)
  }

  private struct ModemControl: OptionSet {
    let rawValue: UInt8
    static let dataTerminalReady = Self(rawValue: 1 << 0)
    static let requestToSend = Self(rawValue: 1 << 1)
    static let out1 = Self(rawValue: 1 << 2)
    static let out2 = Self(rawValue: 1 << 3)
    static let loopback = Self(rawValue: 1 << 4)
    static let all = Self(rawValue: 0x1F)
  }

  private struct ModemStatus: OptionSet {
    let rawValue: UInt8
    static let changedClearToSend = Self(rawValue: 1 << 0)
    static let changedDataSetReady = Self(rawValue: 1 << 1)
    static let ringEnded = Self(rawValue: 1 << 2)
    static let changedCarrierDetect = Self(rawValue: 1 << 3)
    static let clearToSend = Self(rawValue: 1 << 4)
    static let dataSetReady = Self(rawValue: 1 << 5)
    static let ring = Self(rawValue: 1 << 6)
    static let carrierDetect = Self(rawValue: 1 << 7)
  }

  private static let divisorLatchAccess: UInt8 = 1 << 7
  private static let fifoDepth = 16

  private var received = ByteQueue<16>()
  private var transmitted = ByteQueue<64>()

  private var interruptEnable: InterruptEnable = []
  private var lineControl: UInt8 = 0
  private var modemControl: ModemControl = []
  private var scratch: UInt8 = 0
  /// 9600 baud; kept for the guest to read back.
  private var divisor: UInt16 = 12
  private var hasFIFOs = false
  private var receiveTrigger = 1
  private var hasOverrun = false
  private var transmitterInterrupt = false
  private var modemChanges: ModemStatus = []

  public init() {}

  /// Whether the interrupt output is asserted, OUT2 considered.
  public var isInterruptAsserted: Bool {
    modemControl.contains(.out2) && !modemControl.contains(.loopback) && interrupt != .none
  }

  /// Whether `receive` has a place for a byte.
  public var canReceive: Bool { !modemControl.contains(.loopback) && hasReceiveRoom }

  /// A byte arrives on the line. Where `canReceive` is false it is lost, as on the wire, and is an overrun
  /// unless the port is looped back.
  public mutating func receive(_ byte: UInt8) {
    if !modemControl.contains(.loopback) { enqueueReceived(byte) }
  }

  /// Whether the host side has a byte to take.
  public var hasTransmitted: Bool { !transmitted.isEmpty }

  /// The next byte that the guest has sent, for the host side to take.
  public mutating func nextTransmitted() -> UInt8? {
    let wasEmpty = isHoldingRegisterEmpty
    let byte = transmitted.popFirst()
    if !wasEmpty && isHoldingRegisterEmpty { transmitterInterrupt = true }
    return byte
  }

  /// Reads register 0…7; further ones read all ones.
  public mutating func read(_ register: UInt8) -> UInt8 {
    switch register {
    case Register.data:
      if isDivisorSelected { return UInt8(truncatingIfNeeded: divisor) }
      return received.popFirst() ?? 0
    case Register.interruptEnable:
      return isDivisorSelected ? UInt8(divisor >> 8) : interruptEnable.rawValue
    case Register.interruptIdentification:
      let interrupt = interrupt
      if interrupt == .transmitterEmpty { transmitterInterrupt = false }
      return interrupt.rawValue | (hasFIFOs ? 0xC0 : 0)
    case Register.lineControl: return lineControl
    case Register.modemControl: return modemControl.rawValue
    case Register.lineStatus:
      let status = lineStatus
      hasOverrun = false
      return status.rawValue
    case Register.modemStatus:
      let status = modemLines.union(modemChanges)
      modemChanges = []
      return status.rawValue
    case Register.scratch: return scratch
    default: return 0xFF
    }
  }

  /// Writes register 0…7; further ones, and those that are read-only, are ignored.
  public mutating func write(_ register: UInt8, _ value: UInt8) {
    switch register {
    case Register.data:
      if isDivisorSelected { divisor = divisor & 0xFF00 | UInt16(value) } else { transmit(value) }
    case Register.interruptEnable:
      if isDivisorSelected {
        divisor = divisor & 0x00FF | UInt16(value) << 8
      } else {
        setInterruptEnable(InterruptEnable(rawValue: value).intersection(.all))
      }
    case Register.interruptIdentification: setFIFOControl(value)
    case Register.lineControl: lineControl = value
    case Register.modemControl:
      setModemControl(ModemControl(rawValue: value).intersection(.all))
    case Register.scratch: scratch = value
    default: break
    }
  }

  private var isDivisorSelected: Bool { lineControl & Self.divisorLatchAccess != 0 }

  private var isHoldingRegisterEmpty: Bool { transmitted.room >= Self.fifoDepth }

  private var hasReceiveRoom: Bool { received.count < (hasFIFOs ? Self.fifoDepth : 1) }

  private var lineStatus: LineStatus {
    var status: LineStatus = []
    if !received.isEmpty { status.insert(.dataReady) }
    if hasOverrun { status.insert(.overrun) }
    if isHoldingRegisterEmpty { status.insert(.holdingRegisterEmpty) }
    if transmitted.isEmpty { status.insert(.transmitterEmpty) }
    return status
  }

  private var interrupt: Interrupt {
    if interruptEnable.contains(.lineStatus) && hasOverrun { return .lineStatus }
    if interruptEnable.contains(.receivedData) && !received.isEmpty {
      return received.count >= receiveTrigger ? .receivedData : .characterTimeout
    }
    if interruptEnable.contains(.transmitterEmpty) && transmitterInterrupt { return .transmitterEmpty }
    if interruptEnable.contains(.modemStatus) && !modemChanges.isEmpty { return .modemStatus }
    return .none
  }

  /// With FIFOs the arriving byte is lost in an overrun, without them the one that nobody has read.
  private mutating func enqueueReceived(_ byte: UInt8) {
    if !hasReceiveRoom {
      hasOverrun = true
      if hasFIFOs { return }
      received.removeAll()
    }
    _ = received.append(byte)
  }

  private mutating func transmit(_ byte: UInt8) {
    if modemControl.contains(.loopback) {
      enqueueReceived(byte)
    } else {
      _ = transmitted.append(byte)  // a guest that does not look at LSR loses what does not fit
    }
    transmitterInterrupt = isHoldingRegisterEmpty
  }

  /// Enabling the transmitter's interrupt raises it where the transmitter is empty already.
  private mutating func setInterruptEnable(_ value: InterruptEnable) {
    let isNew = value.contains(.transmitterEmpty) && !interruptEnable.contains(.transmitterEmpty)
    interruptEnable = value
    if isNew && isHoldingRegisterEmpty { transmitterInterrupt = true }
  }

  /// Bit 0 turns the FIFOs on, bit 1 clears the receiver's, bits 7:6 choose its trigger level.
  private mutating func setFIFOControl(_ value: UInt8) {
    let isEnabled = value & 1 != 0
    if isEnabled != hasFIFOs || (isEnabled && value & 2 != 0) {
      received.removeAll()
      hasOverrun = false
    }
    hasFIFOs = isEnabled
    guard isEnabled else {
      receiveTrigger = 1
      return
    }
    switch value >> 6 {
    case 0: receiveTrigger = 1
    case 1: receiveTrigger = 4
    case 2: receiveTrigger = 8
    default: receiveTrigger = 14
    }
  }

  /// The modem's lines: those of a ready terminal, or in loopback the port's own outputs.
  private var modemLines: ModemStatus {
    guard modemControl.contains(.loopback) else { return [.clearToSend, .dataSetReady, .carrierDetect] }
    var lines: ModemStatus = []
    if modemControl.contains(.requestToSend) { lines.insert(.clearToSend) }
    if modemControl.contains(.dataTerminalReady) { lines.insert(.dataSetReady) }
    if modemControl.contains(.out1) { lines.insert(.ring) }
    if modemControl.contains(.out2) { lines.insert(.carrierDetect) }
    return lines
  }

  private mutating func setModemControl(_ value: ModemControl) {
    let before = modemLines
    modemControl = value
    let changed = before.symmetricDifference(modemLines)
    if changed.contains(.clearToSend) { modemChanges.insert(.changedClearToSend) }
    if changed.contains(.dataSetReady) { modemChanges.insert(.changedDataSetReady) }
    if changed.contains(.ring) && before.contains(.ring) { modemChanges.insert(.ringEnded) }
    if changed.contains(.carrierDetect) { modemChanges.insert(.changedCarrierDetect) }
  }
}
