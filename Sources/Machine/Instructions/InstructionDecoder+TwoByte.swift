import VCPU

// Opcodes of two bytes, the first 0F (SDM Vol. 2D, appendix A, table A-3).

extension InstructionDecoder {
  mutating func decodeTwoByte(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    switch opcode {
    case 0x01: return try decodeGroup7()
    case 0x06: return .system(SystemInstruction(operation: .clearTaskSwitched, length: length))
    case 0x08: return .fixed(.invd, length: length)
    case 0x09: return .fixed(.wbinvd, length: length)
    case 0x20...0x23: return try decodeSystemRegister(opcode)
    case 0x30: return .fixed(.wrmsr, length: length)
    case 0x31: return .fixed(.rdtsc, length: length)
    case 0x32: return .fixed(.rdmsr, length: length)
    case 0x33: return .fixed(.rdpmc, length: length)
    case 0xA2: return .fixed(.cpuid, length: length)
    case 0xB0, 0xB1: return try decodeWithRegister(.compareExchange, width: operandWidth(opcode: opcode))
    case 0xB6, 0xB7, 0xBE, 0xBF:
      return try decodeWithRegister(
        .load(isSigned: opcode & 8 != 0), width: opcode & 1 == 0 ? 1 : 2, registerWidth: operandWidth)
    case 0xBA: return try decodeBitTest()
    default: throw unknown
    }
  }

  /// The LGDT, LIDT, SMSW, LMSW and INVLPG of 0F 01, and the instructions that stand in for its register forms.
  private mutating func decodeGroup7() throws(InstructionError) -> Instruction {
    let modRM = try modRM()
    switch (modRM.field, modRM.operand) {
    case (2, .memory(let memory)), (3, .memory(let memory)):
      return system(
        .loadDescriptorTable(isInterrupt: modRM.field == 3, memory, baseWidth: tableBaseWidth))
    case (4, .register):
      return system(.storeMachineStatus(modRM.operand, width: operandWidth))
    case (4, .memory):
      return system(.storeMachineStatus(modRM.operand, width: 2))
    case (6, _):
      return system(.loadMachineStatus(modRM.operand))
    case (7, .memory(let memory)):
      return system(.invalidatePage(memory))
    case (0, .register) where modRM.operandField == 1: return .fixed(.vmcall, length: length)
    case (2, .register) where modRM.operandField == 1: return .fixed(.xsetbv, length: length)
    case (3, .register) where modRM.operandField == 1: return .fixed(.vmmcall, length: length)
    case (7, .register) where modRM.operandField == 1: return .fixed(.rdtscp, length: length)
    default: throw unknown
    }
  }

  /// In 16-bit operand size the base has three bytes (SDM Vol. 2A, LGDT/LIDT).
  private var tableBaseWidth: UInt8 {
    if codeSize == .bits64 { return 8 }
    return operandWidth == 2 ? 3 : 4
  }

  private func system(_ operation: SystemInstruction.Operation) -> Instruction {
    .system(SystemInstruction(operation: operation, length: length))
  }

  /// MOV with a control (bit 0 of the opcode clear) or debug register; the CPU ignores ModRM's mode field.
  private mutating func decodeSystemRegister(_ opcode: UInt8) throws(InstructionError) -> Instruction {
    let byte = try next()
    let number = byte >> 3 & 7 | (extendsRegisterField ? 8 : 0)
    let register = GeneralRegister(byte & 7 | (extendsOperandField ? 8 : 0))
    let exists = opcode & 1 == 0 ? number == 8 || number <= 4 && number != 1 : number < 8
    guard exists else { throw unknown }
    switch opcode {
    case 0x20: return system(.moveFromControl(number, to: register))
    case 0x21: return system(.moveFromDebug(number, to: register))
    case 0x22: return system(.moveToControl(number, from: register))
    default: return system(.moveToDebug(number, from: register))
    }
  }

  /// BT, BTS, BTR and BTC with the bit's number in an immediate.
  private mutating func decodeBitTest() throws(InstructionError) -> Instruction {
    let (field, memory) = try memoryModRM()
    guard field >= 4, let modification = MMIOInstruction.BitModification(rawValue: field - 4) else {
      throw unknown
    }
    let bit = try next()
    return memoryInstruction(
      .bitTest(modification), width: operandWidth, operand: .immediate(UInt64(bit)), memory: memory)
  }
}
