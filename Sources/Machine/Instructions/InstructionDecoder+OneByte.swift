import VCPU

// Opcodes of one byte (SDM Vol. 2D, appendix A, table A-2).

extension InstructionDecoder {
  mutating func decodeOneByte(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    switch opcode {
    case 0x00...0x3F: return try decodeArithmetic(opcode)
    case 0x63 where codeSize == .bits64: return try decodeMOVSXD()
    case 0x6C...0x6F, 0xE4...0xE7, 0xEC...0xEF: return try decodePort(opcode)
    case 0x80, 0x81, 0x83: return try decodeArithmeticImmediate(opcode)
    case 0x84, 0x85: return try decodeWithRegister(.combine(.test), width: operandWidth(opcode: opcode))
    case 0x86, 0x87: return try decodeWithRegister(.exchange, width: operandWidth(opcode: opcode))
    case 0x88, 0x89: return try decodeWithRegister(.store, width: operandWidth(opcode: opcode))
    case 0x8A, 0x8B:
      return try decodeWithRegister(.load(isSigned: false), width: operandWidth(opcode: opcode))
    case 0x90 where repeatPrefix == 0xF3 && !extendsOperandField: return .fixed(.pause, length: length)
    case 0xA0...0xA3: return try decodeMemoryOffset(opcode)
    case 0xA4, 0xA5: return decodeString(.move, opcode)
    case 0xAA, 0xAB: return decodeString(.store, opcode)
    case 0xAC, 0xAD: return decodeString(.load, opcode)
    case 0xC6, 0xC7: return try decodeMoveImmediate(opcode)
    case 0xCD:
      let vector = try next()
      return .system(SystemInstruction(operation: .interrupt(vector), length: length))
    case 0xF4: return .fixed(.hlt, length: length)
    case 0xF6, 0xF7: return try decodeGroup3(opcode)
    case 0xFE, 0xFF: return try decodeGroup4And5(opcode)
    default: throw unknown
    }
  }

  /// The instruction on memory that has been read up to here.
  func memoryInstruction(
    _ operation: MMIOInstruction.Operation, width: UInt8, registerWidth: UInt8? = nil,
    operand: MMIOInstruction.Operand = .none, memory: MemoryOperand
  ) -> Instruction {
    .memory(
      MMIOInstruction(
        operation: operation, width: width, registerWidth: registerWidth ?? width, operand: operand,
        memory: memory, isRepeated: false, isLocked: isLocked, length: length))
  }

  /// An instruction whose operands are ModRM's register and memory.
  mutating func decodeWithRegister(
    _ operation: MMIOInstruction.Operation, width: UInt8, registerWidth: UInt8? = nil
  ) throws(InstructionError) -> Instruction {
    let (field, memory) = try memoryModRM()
    let operand = registerOperand(field, width: registerWidth ?? width)
    return memoryInstruction(
      operation, width: width, registerWidth: registerWidth, operand: operand, memory: memory)
  }

  /// Bits 5:3 say the operation; forms 4 to 7, on the accumulator and on segment registers, have no memory.
  private mutating func decodeArithmetic(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    guard let operation = ArithmeticOperation(rawValue: opcode >> 3) else { throw unknown }
    switch opcode & 7 {
    case 0, 1: return try decodeWithRegister(.combine(operation), width: operandWidth(opcode: opcode))
    case 2, 3:
      return try decodeWithRegister(.combineIntoRegister(operation), width: operandWidth(opcode: opcode))
    default: throw unknown
    }
  }

  private mutating func decodeArithmeticImmediate(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    let (field, memory) = try memoryModRM()
    guard let operation = ArithmeticOperation(rawValue: field) else { throw unknown }
    let width = operandWidth(opcode: opcode)
    let immediate = try signedNumber(width: opcode == 0x83 ? 1 : min(width, 4))
    return memoryInstruction(
      .combine(operation), width: width, operand: .immediate(immediate), memory: memory)
  }

  private mutating func decodeMOVSXD() throws(InstructionError) -> Instruction {
    try decodeWithRegister(
      .load(isSigned: true), width: min(operandWidth, 4), registerWidth: operandWidth)
  }

  /// MOV between the accumulator and an address that the instruction spells out in full.
  private mutating func decodeMemoryOffset(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    var memory = memoryOperand()
    memory.displacement = try signedNumber(width: addressWidth)
    return memoryInstruction(
      opcode & 2 == 0 ? .load(isSigned: false) : .store, width: operandWidth(opcode: opcode),
      operand: .register(RegisterOperand(.rax)), memory: memory)
  }

  private func decodeString(_ operation: MMIOInstruction.StringOperation, _ opcode: UInt8) -> Instruction {
    let width = operandWidth(opcode: opcode)
    let memory =
      operation == .store
      ? MemoryOperand.stringDestination(addressWidth: addressWidth)
      : memoryOperand(base: .register(.rsi))
    return .memory(
      MMIOInstruction(
        operation: .string(operation), width: width, registerWidth: width, operand: .none, memory: memory,
        isRepeated: repeatPrefix != 0, isLocked: false, length: length))
  }

  private mutating func decodeMoveImmediate(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    let (field, memory) = try memoryModRM()
    guard field == 0 else { throw unknown }
    let width = operandWidth(opcode: opcode)
    let immediate = try signedNumber(width: min(width, 4))
    return memoryInstruction(.store, width: width, operand: .immediate(immediate), memory: memory)
  }

  /// TEST with an immediate (two encodings), NOT and NEG.
  private mutating func decodeGroup3(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    let (field, memory) = try memoryModRM()
    let width = operandWidth(opcode: opcode)
    switch field {
    case 0, 1:
      let immediate = try signedNumber(width: min(width, 4))
      return memoryInstruction(
        .combine(.test), width: width, operand: .immediate(immediate), memory: memory)
    case 2: return memoryInstruction(.modify(.not), width: width, memory: memory)
    case 3: return memoryInstruction(.modify(.negate), width: width, memory: memory)
    default: throw unknown
    }
  }

  /// INC and DEC.
  private mutating func decodeGroup4And5(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    let (field, memory) = try memoryModRM()
    guard field <= 1 else { throw unknown }
    return memoryInstruction(
      .modify(field == 0 ? .increment : .decrement), width: operandWidth(opcode: opcode), memory: memory)
  }

  /// Bit 1 is the direction, bit 3 the port in DX; the INS and OUTS group always has it there.
  private mutating func decodePort(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    let width = min(operandWidth(opcode: opcode), 4)
    let isInput = opcode & 2 == 0
    guard opcode >= 0xE4 else {
      let memory =
        isInput
        ? MemoryOperand.stringDestination(addressWidth: addressWidth)
        : memoryOperand(base: .register(.rsi))
      return .port(
        PortInstruction(
          isInput: isInput, width: width, port: .dx, memory: memory, isRepeated: repeatPrefix != 0,
          length: length))
    }
    let port: PortInstruction.Port = opcode & 8 == 0 ? .immediate(try next()) : .dx
    return .port(
      PortInstruction(
        isInput: isInput, width: width, port: port, memory: nil, isRepeated: false, length: length))
  }
}
