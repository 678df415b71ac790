import Machine
import Testing
import VCPU

/// Each form by its bytes, which an assembler made from the text beside them; `rsi` holds the address.
@Suite struct InstructionDecodingTests {
  private typealias Operand = MMIOInstruction.Operand

  private let al = Operand.register(RegisterOperand(.rax))
  private let cl = Operand.register(RegisterOperand(.rcx))
  private let dl = Operand.register(RegisterOperand(.rdx))
  private let ch = Operand.register(RegisterOperand(.rcx, isHighByte: true))

  /// Checks the result, that what follows the instruction does not matter and that none of it may be missing.
  private func decode(
    _ hex: String, _ codeSize: CodeSize = .bits64, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Instruction {
    let instruction = try Instruction(InstructionBytes(hex: hex), codeSize: codeSize)
    let count = hex.count / 2
    #expect(instruction.length == count, sourceLocation: sourceLocation)
    for padding: UInt8 in [0x00, 0x90, 0xFF] {
      let padded = try Instruction(InstructionBytes(hex: hex, padding: padding), codeSize: codeSize)
      #expect(padded == instruction, sourceLocation: sourceLocation)
    }
    for shorter in 0..<count {
      #expect(throws: InstructionError.incomplete, sourceLocation: sourceLocation) {
        try Instruction(InstructionBytes(hex: String(hex.prefix(2 * shorter))), codeSize: codeSize)
      }
    }
    return instruction
  }

  private func expect(
    _ hex: String, in codeSize: CodeSize = .bits64, _ operation: MMIOInstruction.Operation, _ width: UInt8,
    _ operand: Operand, registerWidth: UInt8? = nil, isLocked: Bool = false, isRepeated: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let decoded = try decode(hex, codeSize, sourceLocation: sourceLocation)
    guard case .memory(let instruction) = decoded else {
      Issue.record("\(hex) decoded as \(decoded)", sourceLocation: sourceLocation)
      return
    }
    #expect(instruction.operation == operation, sourceLocation: sourceLocation)
    #expect(instruction.width == width, sourceLocation: sourceLocation)
    #expect(instruction.registerWidth == registerWidth ?? width, sourceLocation: sourceLocation)
    #expect(instruction.operand == operand, sourceLocation: sourceLocation)
    #expect(instruction.isLocked == isLocked, sourceLocation: sourceLocation)
    #expect(instruction.isRepeated == isRepeated, sourceLocation: sourceLocation)
  }

  private func unknown(
    _ hex: String, _ codeSize: CodeSize = .bits64, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let bytes = InstructionBytes(hex: hex, padding: 0)
    #expect(throws: InstructionError.unknown(bytes), sourceLocation: sourceLocation) {
      try Instruction(bytes, codeSize: codeSize)
    }
  }

  @Test func movesToMemory() throws {
    try expect("880E", .store, 1, cl)  // mov [rsi], cl
    try expect("882E", .store, 1, ch)  // mov [rsi], ch
    try expect("408836", .store, 1, .register(RegisterOperand(.rsi)))  // mov [rsi], sil
    try expect("66890E", .store, 2, cl)  // mov [rsi], cx
    try expect("44890E", .store, 4, .register(RegisterOperand(.r9)))  // mov [rsi], r9d
    try expect("4C890E", .store, 8, .register(RegisterOperand(.r9)))  // mov [rsi], r9
    try expect("C60680", .store, 1, .immediate(0xFFFF_FFFF_FFFF_FF80))  // mov byte [rsi], 0x80
    try expect("66C7060080", .store, 2, .immediate(0xFFFF_FFFF_FFFF_8000))  // mov word [rsi], 0x8000
    try expect("C70601000080", .store, 4, .immediate(0xFFFF_FFFF_8000_0001))  // mov dword [rsi], 0x80000001
    try expect("48C706FEFFFFFF", .store, 8, .immediate(0xFFFF_FFFF_FFFF_FFFE))  // mov qword [rsi], -2
    try expect("A28877665544332211", .store, 1, al)  // mov [0x1122334455667788], al
    try expect("66A38877665544332211", .store, 2, al)  // mov [0x1122334455667788], ax
    try expect("67A3B000E0FE", .store, 4, al)  // mov [dword 0xFEE000B0], eax
  }

  @Test func movesFromMemory() throws {
    try expect("8A16", .load(isSigned: false), 1, dl)  // mov dl, [rsi]
    try expect("448A16", .load(isSigned: false), 1, .register(RegisterOperand(.r10)))  // mov r10b, [rsi]
    try expect("668B16", .load(isSigned: false), 2, dl)  // mov dx, [rsi]
    try expect("8B16", .load(isSigned: false), 4, dl)  // mov edx, [rsi]
    try expect("488B16", .load(isSigned: false), 8, dl)  // mov rdx, [rsi]
    try expect("A08877665544332211", .load(isSigned: false), 1, al)  // mov al, [0x1122334455667788]
    try expect("A18877665544332211", .load(isSigned: false), 4, al)  // mov eax, [0x1122334455667788]
    try expect("48A18877665544332211", .load(isSigned: false), 8, al)  // mov rax, [0x1122334455667788]
  }

  @Test func extendingMoves() throws {
    try expect("0FB60E", .load(isSigned: false), 1, cl, registerWidth: 4)  // movzx ecx, byte [rsi]
    try expect("480FB60E", .load(isSigned: false), 1, cl, registerWidth: 8)  // movzx rcx, byte [rsi]
    try expect("660FB60E", .load(isSigned: false), 1, cl, registerWidth: 2)  // movzx cx, byte [rsi]
    try expect("0FB70E", .load(isSigned: false), 2, cl, registerWidth: 4)  // movzx ecx, word [rsi]
    // movsx ebp, byte [rsi]
    try expect("0FBE2E", .load(isSigned: true), 1, .register(RegisterOperand(.rbp)), registerWidth: 4)
    // movsx r8, word [rsi]
    try expect("4C0FBF06", .load(isSigned: true), 2, .register(RegisterOperand(.r8)), registerWidth: 8)
    try expect("48630E", .load(isSigned: true), 4, cl, registerWidth: 8)  // movsxd rcx, dword [rsi]
  }

  @Test func arithmetic() throws {
    try expect("010E", .combine(.add), 4, cl)  // add [rsi], ecx
    try expect("080E", .combine(.or), 1, cl)  // or [rsi], cl
    try expect("48110E", .combine(.addWithCarry), 8, cl)  // adc [rsi], rcx
    try expect("1B0E", .combineIntoRegister(.subtractWithBorrow), 4, cl)  // sbb ecx, [rsi]
    try expect("222E", .combineIntoRegister(.and), 1, ch)  // and ch, [rsi]
    try expect("482B0E", .combineIntoRegister(.subtract), 8, cl)  // sub rcx, [rsi]
    try expect("66330E", .combineIntoRegister(.xor), 2, cl)  // xor cx, [rsi]
    try expect("390E", .combine(.compare), 4, cl)  // cmp [rsi], ecx
    try expect("3B0E", .combineIntoRegister(.compare), 4, cl)  // cmp ecx, [rsi]
    try expect("850E", .combine(.test), 4, cl)  // test [rsi], ecx
    try expect("800E7F", .combine(.or), 1, .immediate(0x7F))  // or byte [rsi], 0x7F
    try expect("812678563412", .combine(.and), 4, .immediate(0x1234_5678))  // and dword [rsi], 0x12345678
    try expect("4881360000FFFF", .combine(.xor), 8, .immediate(0 &- 0x1_0000))  // xor qword [rsi], -0x10000
    try expect("66813E3412", .combine(.compare), 2, .immediate(0x1234))  // cmp word [rsi], 0x1234
    try expect("8306FF", .combine(.add), 4, .immediate(.max))  // add dword [rsi], -1
    try expect("F60601", .combine(.test), 1, .immediate(1))  // test byte [rsi], 1
    // test dword [rsi], 1<<31
    try expect("F70600000080", .combine(.test), 4, .immediate(0xFFFF_FFFF_8000_0000))
    try expect("F60E01", .combine(.test), 1, .immediate(1))  // test byte [rsi], 1 (second encoding)
    try expect("F02008", .combine(.and), 1, cl, isLocked: true)  // lock and [rax], cl
  }

  @Test func exchangesAndBits() throws {
    try expect("870E", .exchange, 4, cl)  // xchg [rsi], ecx
    try expect("862E", .exchange, 1, ch)  // xchg [rsi], ch
    try expect("F00FB10E", .compareExchange, 4, cl, isLocked: true)  // lock cmpxchg [rsi], ecx
    try expect("440FB026", .compareExchange, 1, .register(RegisterOperand(.r12)))  // cmpxchg [rsi], r12b
    try expect("0FBA261F", .bitTest(.none), 4, .immediate(31))  // bt dword [rsi], 31
    try expect("F0480FBA2E3F", .bitTest(.set), 8, .immediate(63), isLocked: true)  // lock bts qword [rsi], 63
    try expect("660FBA360F", .bitTest(.reset), 2, .immediate(15))  // btr word [rsi], 15
    try expect("0FBA3E07", .bitTest(.complement), 4, .immediate(7))  // btc dword [rsi], 7
  }

  @Test func oneOperand() throws {
    try expect("FE06", .modify(.increment), 1, .none)  // inc byte [rsi]
    try expect("F0FF06", .modify(.increment), 4, .none, isLocked: true)  // lock inc dword [rsi]
    try expect("48FF0E", .modify(.decrement), 8, .none)  // dec qword [rsi]
    try expect("66F716", .modify(.not), 2, .none)  // not word [rsi]
    try expect("F71E", .modify(.negate), 4, .none)  // neg dword [rsi]
  }

  @Test func strings() throws {
    try expect("F3AB", .string(.store), 4, .none, isRepeated: true)  // rep stosd
    try expect("AA", .string(.store), 1, .none)  // stosb
    try expect("F348A5", .string(.move), 8, .none, isRepeated: true)  // rep movsq
    try expect("66A5", .string(.move), 2, .none)  // movsw
    try expect("AD", .string(.load), 4, .none)  // lodsd
    try expect("F2AC", .string(.load), 1, .none, isRepeated: true)  // repne lodsb
  }

  @Test func operandSizesFollowTheCodeSize() throws {
    try expect("668B01", in: .bits32, .load(isSigned: false), 2, al)  // mov ax, [ecx]
    try expect("8B01", in: .bits32, .load(isSigned: false), 4, al)  // mov eax, [ecx]
    try expect("8B07", in: .bits16, .load(isSigned: false), 2, al)  // mov ax, [bx]
    try expect("668B07", in: .bits16, .load(isSigned: false), 4, al)  // mov eax, [bx]
    try expect("A3B000E0FE", in: .bits32, .store, 4, al)  // mov [0xFEE000B0], eax
    try expect("C7073412", in: .bits16, .store, 2, .immediate(0x1234))  // mov word [bx], 0x1234
    try expect("F3AB", in: .bits16, .string(.store), 2, .none, isRepeated: true)  // rep stosw
  }

  @Test func aREXPrefixCountsRightBeforeTheOpcodeOnly() throws {
    try expect("4866890E", .store, 2, cl)  // rex.w, then an operand-size prefix
    try expect("66448A2E", .load(isSigned: false), 1, .register(RegisterOperand(.r13)))  // mov r13b, [rsi]
    try expect("48FE06", .modify(.increment), 1, .none)  // rex.w inc byte [rsi]
    try expect("66488B16", .load(isSigned: false), 8, dl)  // REX.W outdoes 66
  }

  @Test func lockIsAllowedOnUpdatesOfMemoryOnly() throws {
    try expect("F0870E", .exchange, 4, cl, isLocked: true)  // lock xchg [rsi], ecx
    for hex in [
      "F0880E", "F08A0E", "F0030E", "F0390E", "F0F60601", "F00FBA261F", "F0AA", "F0F4", "F00FA2", "F0E460",
      "F00F22C0",
    ] {
      unknown(hex)
    }
  }

  @Test func descriptorTablesAndInterrupts() throws {
    func operation(_ hex: String, _ codeSize: CodeSize) throws -> SystemInstruction.Operation? {
      guard case .system(let instruction) = try decode(hex, codeSize) else { return nil }
      return instruction.operation
    }
    #expect(try operation("CD80", .bits32) == .interrupt(0x80))  // int 0x80
    let forms: [(String, CodeSize, Bool, UInt8)] = [
      ("0F01163412", .bits16, false, 3),  // lgdt [0x1234]
      ("0F011E3412", .bits16, true, 3),  // lidt [0x1234]
      ("660F01163412", .bits16, false, 4),  // o32 lgdt [0x1234]
      ("0F011534120000", .bits32, false, 4),  // lgdt [0x1234]
      ("660F011D34120000", .bits32, true, 3),  // o16 lidt [0x1234]
      ("0F011C2534120000", .bits64, true, 8),  // lidt [abs 0x1234]
    ]
    for (hex, codeSize, isInterrupt, width) in forms {
      guard
        case .loadDescriptorTable(isInterrupt, let memory, baseWidth: width) = try operation(hex, codeSize)
      else {
        Issue.record("\(hex)")
        continue
      }
      #expect(memory.displacement == 0x1234)
      #expect(memory.segment == .ds)
    }
    unknown("0F01D3", .bits16)  // no memory
    unknown("F0CD21", .bits16)
  }

  @Test func controlAndDebugRegisters() throws {
    func operation(_ hex: String) throws -> SystemInstruction.Operation? {
      guard case .system(let instruction) = try decode(hex) else { return nil }
      return instruction.operation
    }
    #expect(try operation("0F22C1") == .moveToControl(0, from: .rcx))  // mov cr0, rcx
    #expect(try operation("0F20D8") == .moveFromControl(3, to: .rax))  // mov rax, cr3
    #expect(try operation("410F22E1") == .moveToControl(4, from: .r9))  // mov cr4, r9
    #expect(try operation("450F20C7") == .moveFromControl(8, to: .r15))  // mov r15, cr8
    #expect(try operation("0F2201") == .moveToControl(0, from: .rcx))  // the mode field does not count
    #expect(try operation("0F23F8") == .moveToDebug(7, from: .rax))  // mov dr7, rax
    #expect(try operation("0F21F2") == .moveFromDebug(6, to: .rdx))  // mov rdx, dr6
    #expect(try operation("0F01F0") == .loadMachineStatus(.register(.rax)))  // lmsw ax
    #expect(try operation("0F01E0") == .storeMachineStatus(.register(.rax), width: 4))  // smsw eax
    #expect(try operation("480F01E1") == .storeMachineStatus(.register(.rcx), width: 8))  // smsw rcx
    #expect(try operation("0F06") == .clearTaskSwitched)  // clts
    guard case .storeMachineStatus(.memory(let status), width: 2) = try operation("480F0126"),  // smsw [rsi]
      case .loadMachineStatus(.memory(status)) = try operation("0F0136"),  // lmsw [rsi]
      case .invalidatePage(let page) = try operation("0F017808")  // invlpg [rax+8]
    else {
      Issue.record("SMSW, LMSW or INVLPG of memory")
      return
    }
    #expect(status.base == .register(.rsi))
    #expect(page.base == .register(.rax) && page.displacement == 8)
    // CR1, CR5, CR9; DR8; INVLPG of a register
    for hex in ["0F20C8", "0F22E8", "440F20C8", "440F23C0", "0F01F8"] { unknown(hex) }
  }

  @Test func ports() throws {
    func check(
      _ hex: String, _ codeSize: CodeSize = .bits64, isInput: Bool, _ width: UInt8,
      _ port: PortInstruction.Port, segment: SegmentRegister? = nil, isRepeated: Bool = false,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      guard case .port(let instruction) = try decode(hex, codeSize, sourceLocation: sourceLocation) else {
        Issue.record("\(hex) is no port instruction", sourceLocation: sourceLocation)
        return
      }
      #expect(instruction.isInput == isInput, sourceLocation: sourceLocation)
      #expect(instruction.width == width, sourceLocation: sourceLocation)
      #expect(instruction.port == port, sourceLocation: sourceLocation)
      #expect(instruction.memory?.segment == segment, sourceLocation: sourceLocation)
      #expect(instruction.isRepeated == isRepeated, sourceLocation: sourceLocation)
    }
    try check("E460", isInput: true, 1, .immediate(0x60))  // in al, 0x60
    try check("66ED", isInput: true, 2, .dx)  // in ax, dx
    try check("48ED", isInput: true, 4, .dx)  // REX.W changes nothing
    try check("E680", isInput: false, 1, .immediate(0x80))  // out 0x80, al
    try check("66EF", isInput: false, 2, .dx)  // out dx, ax
    try check("E7CF", isInput: false, 4, .immediate(0xCF))  // out 0xCF, eax
    try check("EF", .bits16, isInput: false, 2, .dx)  // out dx, ax
    try check("6C", isInput: true, 1, .dx, segment: .es)  // insb
    try check("F3666D", isInput: true, 2, .dx, segment: .es, isRepeated: true)  // rep insw
    try check("64F36F", isInput: false, 4, .dx, segment: .fs, isRepeated: true)  // rep fs outsd
  }

  @Test func fixedOpcodes() throws {
    let instructions: [(hex: String, instruction: FixedInstruction)] = [
      ("F4", .hlt), ("F390", .pause), ("0FA2", .cpuid), ("0F32", .rdmsr), ("0F30", .wrmsr), ("0F31", .rdtsc),
      ("0F01F9", .rdtscp), ("0F33", .rdpmc), ("0F01D1", .xsetbv), ("0F09", .wbinvd), ("0F08", .invd),
      ("0F01C1", .vmcall), ("0F01D9", .vmmcall),
    ]
    for (hex, instruction) in instructions {
      for codeSize in [CodeSize.bits16, .bits32, .bits64] {
        #expect(try decode(hex, codeSize) == .fixed(instruction, length: hex.count / 2))
      }
      #expect(try decode("2E" + hex) == .fixed(instruction, length: hex.count / 2 + 1))
    }
    // nop, xchg r8, rax
    unknown("90")
    unknown("F34190")
  }

  @Test func whatIsNoInstructionOnMemoryIsUnknown() {
    unknown("89C8")  // mov eax, ecx
    unknown("04FF")  // add al, 0xFF
    unknown("F7E1")  // mul ecx
    unknown("F726")  // mul dword [rsi]
    unknown("C70F")  // group 11, /1
    unknown("FF16")  // call [rsi]
    unknown("0FBA0E00")  // group 8, /1
    unknown("0F0B")  // ud2
    unknown("C5F86F06")  // VEX
    unknown("630E", .bits32)  // arpl [rsi], cx
    unknown("40890E", .bits32)  // inc eax; mov ...
  }

  @Test func anInstructionEndsWithinFifteenBytes() throws {
    let longest = String(repeating: "2E", count: 13) + "8B06"
    #expect(try decode(longest).length == 15)
    #expect(throws: InstructionError.tooLong) {
      try Instruction(
        InstructionBytes(hex: String(repeating: "2E", count: 14) + "8B"), codeSize: .bits64)
    }
    #expect(throws: InstructionError.tooLong) {
      try Instruction(InstructionBytes(hex: "", padding: 0x66), codeSize: .bits64)
    }
  }
}
