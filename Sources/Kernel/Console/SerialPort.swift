import CPU

/// A 16550 UART of the PC, polled, at 115,200 baud 8N1 (TI PC16550D data sheet, table 2).
struct SerialPort {
  let base: UInt16

  private enum Register {
    static let data: UInt16 = 0
    static let divisorLow: UInt16 = 0
    static let interruptEnable: UInt16 = 1
    static let divisorHigh: UInt16 = 1
    static let fifoControl: UInt16 = 2
    static let lineControl: UInt16 = 3
    static let modemControl: UInt16 = 4
    static let lineStatus: UInt16 = 5
    static let scratch: UInt16 = 7
  }

  /// Bytes that the transmit FIFO takes once it has run empty.
  static let burst = 16

  init(base: UInt16) { self.base = base }

  /// Sets the line up; false where no UART answers.
  func initialise() -> Bool {
    writePort8(base + Register.scratch, 0x5A)
    guard readPort8(base + Register.scratch) == 0x5A else { return false }
    writePort8(base + Register.interruptEnable, 0)
    writePort8(base + Register.lineControl, 0x80)
    writePort8(base + Register.divisorLow, 1)
    writePort8(base + Register.divisorHigh, 0)
    writePort8(base + Register.lineControl, 0x03)
    writePort8(base + Register.fifoControl, 0x07)
    writePort8(base + Register.modemControl, 0x03)
    return true
  }

  /// Whether a whole burst fits (THRE).
  var canTransmit: Bool { readPort8(base + Register.lineStatus) & 0x20 != 0 }
  /// Whether the last stop bit has left the wire (TEMT).
  var isDrained: Bool { readPort8(base + Register.lineStatus) & 0x40 != 0 }

  func transmit(_ byte: UInt8) { writePort8(base + Register.data, byte) }

  func receive() -> UInt8? {
    readPort8(base + Register.lineStatus) & 1 != 0 ? readPort8(base + Register.data) : nil
  }
}
