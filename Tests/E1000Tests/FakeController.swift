import E1000

/// A controller as software sees it: registers, a clock, an EEPROM, and rings that it works through when a test says so.
///
/// It stops a test that does what the manuals forbid: that moves a head while the ring runs, announces what has not been
/// published, touches a register too early after a reset, or gives it memory that is not its own.
final class FakeController: RegisterBus {
  enum Register {
    static let control: UInt32 = 0x0000
    static let status: UInt32 = 0x0008
    static let eepromControl: UInt32 = 0x0010
    static let eepromRead: UInt32 = 0x0014
    static let interruptCause: UInt32 = 0x00C0
    static let causeSet: UInt32 = 0x00C8
    static let maskSet: UInt32 = 0x00D0
    static let maskClear: UInt32 = 0x00D8
    static let receiveControl: UInt32 = 0x0100
    static let transmitControl: UInt32 = 0x0400
    static let receiveLength: UInt32 = 0x2808
    static let receiveHead: UInt32 = 0x2810
    static let receiveTail: UInt32 = 0x2818
    static let transmitLength: UInt32 = 0x3808
    static let transmitHead: UInt32 = 0x3810
    static let transmitTail: UInt32 = 0x3818
    static let addressLow: UInt32 = 0x5400
    static let addressHigh: UInt32 = 0x5404
    static let missed: UInt32 = 0x4010
    static let badChecksums: UInt32 = 0x4000
    static let received: UInt32 = 0x4074
    static let sent: UInt32 = 0x4080
  }

  let model: ControllerModel
  let receiveRun: MemoryRun
  let transmitRun: MemoryRun

  private(set) var registers: [UInt32: UInt32] = [:]
  private(set) var readCounts: [UInt32: Int] = [:]
  private(set) var writeCounts: [UInt32: Int] = [:]
  /// Microseconds.
  private(set) var time = 0

  /// What the EEPROM holds; nil where it never answers.
  var eeprom: [UInt16]? = [0x5452, 0x1200, 0x0134]
  /// Microseconds that a reset takes; nil where it never ends.
  var resetTime: Int? = 30
  /// Whether a reset does something, as it does not in Bochs.
  var resetWorks = true
  /// Whether a reset loads the first receive address from the EEPROM.
  var loadsAddress = true
  /// Whether its requests on the bus ever end.
  var stopsMastering = true
  var isAbsent = false
  /// Whether it sends what it is given.
  var isSending = true
  var isLinkUp = true { didSet { if isLinkUp != oldValue { raise(1 << 2) } } }

  private(set) var resetEnd = 0
  private(set) var silenceEnd = 0
  private(set) var resetCount = 0
  private(set) var wasMasteringAtReset = false
  /// What has gone out on the line.
  private(set) var sentFrames: [[UInt8]] = []

  init(_ model: ControllerModel = .i82540EM, sizes: RingSizes = RingSizes(slotCount: 8)!) {
    self.model = model
    receiveRun = MemoryRun(address: 0x1_2345_6000, count: sizes.receiveByteCount)
    transmitRun = MemoryRun(address: 0x0_4321_0080, count: sizes.transmitByteCount)
    setDefaults()
  }

  /// What the registers hold after a reset that works.
  private func setDefaults() {
    registers = [:]
    registers[Register.control] = 0x0000_0A41
    if let eeprom, loadsAddress {
      registers[Register.addressLow] = UInt32(eeprom[0]) | UInt32(eeprom[1]) << 16
      registers[Register.addressHigh] = UInt32(eeprom[2]) | 1 << 31
    }
    if isExpress { registers[Register.transmitControl] = 0x3003_F0F8 }
  }

  /// Leaves registers as an earlier user might.
  func leave(_ values: [UInt32: UInt32]) { registers.merge(values) { $1 } }

  private var isExpress: Bool { model.rawValue >= 0x10D3 }
  private var isChipset: Bool { model.rawValue > 0x1500 }
  private var isWide: Bool { isExpress || [0x1076, 0x107C].contains(model.rawValue) }
  private var isResetting: Bool { resetTime == nil ? resetCount > 0 : time < resetEnd }

  func wait(microseconds: Int) { time += microseconds }

  // MARK: - Registers

  func read(_ offset: UInt32) -> UInt32 {
    readCounts[offset, default: 0] += 1
    guard !isAbsent else { return .max }
    precondition(time >= silenceEnd, "a register is read too early after a reset")
    switch offset {
    case Register.control:
      return registers[offset]! & ~(1 << 26) | (isResetting ? 1 << 26 : 0)
    case Register.status:
      let isMastering = isExpress && !(stopsMastering && registers[Register.control]! & 1 << 2 != 0)
      return 0x80 | 1 | (isLinkUp && registers[Register.control]! & 1 << 6 != 0 ? 2 : 0)
        | (isMastering ? 1 << 19 : 0)
    case Register.eepromControl:
      return isExpress && !isResetting ? 1 << 9 : 0
    case Register.eepromRead:
      return eepromAnswer
    case Register.interruptCause:
      defer { registers[offset] = 0 }
      return registers[offset] ?? 0
    case 0x4000..<0x4100:
      defer { registers[offset] = 0 }
      return registers[offset] ?? 0
    default:
      return registers[offset] ?? 0
    }
  }

  func write(_ value: UInt32, to offset: UInt32) {
    writeCounts[offset, default: 0] += 1
    guard !isAbsent else { return }
    precondition(time >= silenceEnd, "a register is written too early after a reset")
    switch offset {
    case Register.control:
      registers[offset] = value & ~(1 << 26)
      if value & 1 << 26 != 0 { reset() }
    case Register.causeSet:
      raise(value)
    case Register.maskSet:
      registers[offset, default: 0] |= value
    case Register.maskClear:
      registers[Register.maskSet, default: 0] &= ~value
    case Register.receiveHead, Register.transmitHead:
      let control = offset == Register.receiveHead ? Register.receiveControl : Register.transmitControl
      precondition(!isOn(control), "a head is moved while the ring runs")
      registers[offset] = value
    case Register.receiveTail, Register.transmitTail:
      let run = offset == Register.receiveTail ? receiveRun : transmitRun
      precondition(!run.isUnpublished, "the controller is told of what it may not see yet")
      precondition(value * 16 < registers[offset - 0x10]!, "a tail beyond the ring")
      registers[offset] = value
    default:
      registers[offset] = value
    }
  }

  private func isOn(_ control: UInt32) -> Bool { registers[control, default: 0] & 2 != 0 }

  private func reset() {
    precondition(!isOn(Register.receiveControl) && !isOn(Register.transmitControl))
    resetCount += 1
    wasMasteringAtReset = isExpress && !(stopsMastering && registers[Register.control]! & 1 << 2 != 0)
    if resetWorks { setDefaults() }
    resetEnd = time + (resetTime ?? 0)
    silenceEnd = time + (isChipset ? 20_000 : isExpress ? 1000 : 1)
  }

  private var eepromAnswer: UInt32 {
    let value = registers[Register.eepromRead] ?? 0
    precondition(!isChipset, "there is no such register")
    guard let eeprom, value & 1 != 0 else { return value }
    let index = Int(value >> (isWide ? 2 : 8) & (isWide ? 0x3FFF : 0xFF))
    return UInt32(eeprom[index]) << 16 | value & 0xFFFE | (isWide ? 1 << 1 : 1 << 4)
  }

  // MARK: - Interrupts

  var isInterrupting: Bool {
    registers[Register.interruptCause, default: 0] & registers[Register.maskSet, default: 0] != 0
  }

  private func raise(_ cause: UInt32) { registers[Register.interruptCause, default: 0] |= cause }

  // MARK: - Receiving

  /// Descriptors that it may fill.
  var freeDescriptorCount: Int {
    let count = Int(registers[Register.receiveLength, default: 0] / 16)
    guard count > 0 else { return 0 }
    let distance = Int(registers[Register.receiveTail]!) - Int(registers[Register.receiveHead]!)
    return (distance + count) % count
  }

  /// A frame comes over the line; false where it is lost for want of descriptors, or is not taken.
  ///
  /// - Parameter errors: what the descriptor says of it.
  @discardableResult
  func receive(_ frame: [UInt8], errors: UInt8 = 0, bufferSize: Int = 2048) -> Bool {
    guard isLinkUp, isOn(Register.receiveControl), isTaken(frame) else { return false }
    let count = max(1, (frame.count + bufferSize - 1) / bufferSize)
    guard count <= freeDescriptorCount else {
      registers[Register.missed, default: 0] += 1
      raise(1 << 6)
      return false
    }
    for index in 0..<count {
      let part = Array(frame.dropFirst(index * bufferSize).prefix(bufferSize))
      fill(part, isLast: index == count - 1, errors: errors)
    }
    registers[Register.received, default: 0] += 1
    return true
  }

  /// Fills one descriptor.
  func fill(_ bytes: [UInt8], isLast: Bool, errors: UInt8 = 0, length: Int? = nil) {
    precondition(freeDescriptorCount > 0)
    let head = registers[Register.receiveHead]!
    let descriptor = base(0x2800) + UInt64(head) * 16
    precondition(receiveRun.word(descriptor + 8) == 0, "a descriptor was not made ready")
    receiveRun.write(bytes, at: receiveRun.word(descriptor))
    let status: UInt64 = isLast ? 0b111 : 0b001
    receiveRun.setWord(
      UInt64(length ?? bytes.count) | status << 32 | (isLast ? UInt64(errors) << 40 : 0), at: descriptor + 8)
    registers[Register.receiveHead] = (head + 1) % (registers[Register.receiveLength]! / 16)
    if isLast { raise(1 << 7) }
  }

  private func isTaken(_ frame: [UInt8]) -> Bool {
    let own = registers[Register.addressLow, default: 0]
    let high = registers[Register.addressHigh, default: 0]
    let bytes = (0..<6).map {
      UInt8(truncatingIfNeeded: (UInt64(high & 0xFFFF) << 32 | UInt64(own)) >> UInt64(8 * $0))
    }
    return frame.prefix(6) == bytes[...] && high >> 31 == 1 || frame.prefix(6).allSatisfy { $0 == 0xFF }
  }

  private func base(_ register: UInt32) -> UInt64 {
    UInt64(registers[register + 4] ?? 0) << 32 | UInt64(registers[register] ?? 0)
  }

  // MARK: - Sending

  /// Sends up to `limit` of the frames that it was told of.
  func transmit(limit: Int = .max) {
    guard isSending, isLinkUp, isOn(Register.transmitControl) else { return }
    let count = registers[Register.transmitLength]! / 16
    var left = limit
    while left > 0, registers[Register.transmitHead] != registers[Register.transmitTail] {
      let head = registers[Register.transmitHead]!
      let descriptor = base(0x3800) + UInt64(head) * 16
      let word = transmitRun.word(descriptor + 8)
      precondition(word >> 24 & 0xFF == 0x0B, "not a whole frame, with CRC, that is reported")
      precondition(word >> 32 == 0, "a descriptor was not made ready")
      sentFrames.append(transmitRun.read(transmitRun.word(descriptor), count: Int(word & 0xFFFF)))
      transmitRun.setWord(word | 1 << 32, at: descriptor + 8)
      registers[Register.transmitHead] = (head + 1) % count
      registers[Register.sent, default: 0] += 1
      left -= 1
    }
  }

  /// What has gone out since this was asked last.
  func takeSentFrames() -> [[UInt8]] {
    defer { sentFrames = [] }
    return sentFrames
  }
}
