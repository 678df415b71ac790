/// Reads one instruction from left to right: prefixes, opcode, ModRM with SIB and displacement, immediate
/// (SDM Vol. 2A, 2.1 and 2.2).
///
/// Here stand the parts that instructions share; the opcodes are in `InstructionDecoder+OneByte` and
/// `+TwoByte`. A decoder is used once.
struct InstructionDecoder {
  let bytes: InstructionBytes
  let codeSize: CodeSize
  /// Offset of the next byte to read; in the end, the instruction's length.
  private(set) var length = 0
  private var rex: UInt8 = 0
  private var hasOperandSizePrefix = false
  private var hasAddressSizePrefix = false
  private var segmentPrefix: SegmentRegister?
  /// The last F2 or F3 prefix, or 0.
  private(set) var repeatPrefix: UInt8 = 0
  private(set) var isLocked = false

  init(_ bytes: InstructionBytes, codeSize: CodeSize) {
    self.bytes = bytes
    self.codeSize = codeSize
  }

  mutating func decode() throws(InstructionError) -> Instruction {
    var opcode = try readPrefixes()
    let instruction: Instruction
    if opcode == 0x0F {
      opcode = try next()
      instruction = try decodeTwoByte(opcode)
    } else {
      instruction = try decodeOneByte(opcode)
    }
    // LOCK on anything but an update of memory raises #UD (SDM Vol. 2A, LOCK).
    guard !isLocked || instruction.canBeLocked else { throw unknown }
    return instruction
  }

  var unknown: InstructionError { .unknown(bytes) }

  // MARK: Bytes

  mutating func next() throws(InstructionError) -> UInt8 {
    guard let byte = bytes[length] else {
      throw length == InstructionBytes.capacity ? .tooLong : .incomplete
    }
    length += 1
    return byte
  }

  /// The next `width` bytes as a little-endian number, sign-extended to 64 bits.
  mutating func signedNumber(width: UInt8) throws(InstructionError) -> UInt64 {
    let shift = 64 - 8 * UInt64(width)
    var value: UInt64 = 0
    for index in 0..<UInt64(width) { value |= UInt64(try next()) &<< (8 &* index) }
    return UInt64(bitPattern: Int64(bitPattern: value &<< shift) &>> Int64(shift))
  }

  // MARK: Prefixes and what follows from them

  /// Reads all prefixes and the first byte of the opcode.
  ///
  /// REX counts only right before the opcode. In 64-bit code ES, CS, SS and DS prefixes count for nothing,
  /// not even to undo an FS or GS prefix (SDM Vol. 1, 3.3.4).
  private mutating func readPrefixes() throws(InstructionError) -> UInt8 {
    while true {
      let byte = try next()
      switch byte {
      case 0x26, 0x2E, 0x36, 0x3E:
        if codeSize != .bits64 { segmentPrefix = SegmentRegister(rawValue: byte >> 3 & 3) }
      case 0x64: segmentPrefix = .fs
      case 0x65: segmentPrefix = .gs
      case 0x66: hasOperandSizePrefix = true
      case 0x67: hasAddressSizePrefix = true
      case 0xF0: isLocked = true
      case 0xF2, 0xF3: repeatPrefix = byte
      case 0x40...0x4F where codeSize == .bits64:
        rex = byte
        continue
      default: return byte
      }
      rex = 0
    }
  }

  /// Bytes of an operand that is not a single byte: 2, 4 or 8.
  var operandWidth: UInt8 {
    if rex & 8 != 0 { return 8 }
    return hasOperandSizePrefix == (codeSize == .bits16) ? 4 : 2
  }

  /// Bytes of an operand: one where the opcode's low bit is clear.
  func operandWidth(opcode: UInt8) -> UInt8 {
    opcode & 1 == 0 ? 1 : operandWidth
  }

  var addressWidth: UInt8 {
    switch codeSize {
    case .bits16: hasAddressSizePrefix ? 4 : 2
    case .bits32: hasAddressSizePrefix ? 2 : 4
    case .bits64: hasAddressSizePrefix ? 4 : 8
    }
  }

  /// Operand in memory at an address without registers, or at rSI, which a prefix may move to another
  /// segment.
  func memoryOperand(base: MemoryOperand.Base = .none) -> MemoryOperand {
    var operand = MemoryOperand(segment: segmentPrefix ?? .ds, addressWidth: addressWidth)
    operand.base = base
    return operand
  }

  /// The register with this number in a ModRM byte's register field.
  func register(_ number: UInt8) -> GeneralRegister {
    GeneralRegister(number | (rex & 4) << 1)
  }

  /// The same for an operand of `width` bytes: without REX, numbers 4 to 7 mean AH, CH, DH and BH.
  func registerOperand(_ number: UInt8, width: UInt8) -> MMIOInstruction.Operand {
    guard width == 1, rex == 0, number >= 4 else { return .register(RegisterOperand(register(number))) }
    return .register(RegisterOperand(GeneralRegister(number & 3), isHighByte: true))
  }

  /// Whether the register field names a register that only REX reaches.
  var extendsRegisterField: Bool { rex & 4 != 0 }

  /// Whether the field that names the operand is extended.
  var extendsOperandField: Bool { rex & 1 != 0 }

  // MARK: ModRM

  /// The operand that the mod and r/m fields name, and the register field.
  struct ModRM {
    var field: UInt8
    /// The raw r/m field.
    var operandField: UInt8
    var operand: SystemInstruction.Operand

    var memory: MemoryOperand? {
      guard case .memory(let memory) = operand else { return nil }
      return memory
    }
  }

  mutating func modRM() throws(InstructionError) -> ModRM {
    let byte = try next()
    let mode = byte >> 6
    let operandField = byte & 7
    var modRM = ModRM(
      field: byte >> 3 & 7, operandField: operandField,
      operand: .register(GeneralRegister(operandField | (rex & 1) << 3)))
    if mode != 3 {
      modRM.operand = .memory(
        addressWidth == 2
          ? try memory16(mode: mode, operandField)
          : try memory(mode: mode, operandField))
    }
    return modRM
  }

  /// The operand of an instruction that exists with a memory operand only, or that is of interest only then.
  mutating func memoryModRM() throws(InstructionError) -> (field: UInt8, memory: MemoryOperand) {
    let modRM = try modRM()
    guard let memory = modRM.memory else { throw unknown }
    return (modRM.field, memory)
  }

  /// 16-bit addressing (SDM Vol. 2A, table 2-1).
  private mutating func memory16(
    mode: UInt8, _ operandField: UInt8
  ) throws(InstructionError) -> MemoryOperand {
    var operand = memoryOperand()
    if mode == 0, operandField == 6 {
      operand.displacement = try signedNumber(width: 2)
      return operand
    }
    switch operandField {
    case 0, 1, 7: operand.base = .register(.rbx)
    case 2, 3, 6: operand.base = .register(.rbp)
    case 4: operand.base = .register(.rsi)
    default: operand.base = .register(.rdi)
    }
    switch operandField {
    case 0, 2: operand.index = .rsi
    case 1, 3: operand.index = .rdi
    default: break
    }
    useStackSegment(&operand)
    if mode != 0 { operand.displacement = try signedNumber(width: mode) }
    return operand
  }

  /// 32-bit and 64-bit addressing (SDM Vol. 2A, tables 2-2 and 2-3, and 2.2.1).
  private mutating func memory(
    mode: UInt8, _ operandField: UInt8
  ) throws(InstructionError) -> MemoryOperand {
    var operand = memoryOperand()
    var base = operandField
    if operandField == 4 {
      let byte = try next()
      base = byte & 7
      let index = GeneralRegister(byte >> 3 & 7 | (rex & 2) << 2)
      if index != .rsp {
        operand.index = index
        operand.scale = byte >> 6
      }
    }
    if mode == 0, base == 5 {
      if operandField == 5, codeSize == .bits64 { operand.base = .nextInstruction }
      operand.displacement = try signedNumber(width: 4)
      return operand
    }
    operand.base = .register(GeneralRegister(base | (rex & 1) << 3))
    useStackSegment(&operand)
    if mode != 0 { operand.displacement = try signedNumber(width: mode == 1 ? 1 : 4) }
    return operand
  }

  /// Addresses relative to rSP or rBP are in SS unless a prefix says otherwise.
  private func useStackSegment(_ operand: inout MemoryOperand) {
    guard segmentPrefix == nil else { return }
    if operand.base == .register(.rsp) || operand.base == .register(.rbp) { operand.segment = .ss }
  }
}

extension Instruction {
  /// Whether a LOCK prefix is allowed: on instructions that read memory and write it back.
  fileprivate var canBeLocked: Bool {
    guard case .memory(let instruction) = self else { return false }
    switch instruction.operation {
    case .combine, .exchange, .compareExchange, .modify, .bitTest: return instruction.destination != nil
    case .load, .store, .combineIntoRegister, .string: return false
    }
  }
}
