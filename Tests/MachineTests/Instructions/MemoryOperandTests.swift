import Machine
import Memory
import Testing

/// Addresses by the tables of the SDM (Vol. 2A, 2-1 to 2-3); the bytes are an assembler's.
@Suite struct MemoryOperandTests {
  /// rax is 0x1000_0000_A000_0000, every next register one more in the nibble that A is in, and so on.
  private let registers: RegisterArray = {
    var registers = RegisterArray()
    for number in 0..<UInt64(16) {
      registers.values[Int(number)] = 0x1000_0000_0000_0000 | (number + 1) << 28 | (number + 1) << 8 | number
    }
    return registers
  }()

  private func operand(_ hex: String, _ codeSize: CodeSize) throws -> MemoryOperand {
    guard case .memory(let instruction) = try Instruction(InstructionBytes(hex: hex), codeSize: codeSize)
    else { throw InstructionError.incomplete }
    return instruction.memory
  }

  private func expect(
    _ hex: String, _ codeSize: CodeSize, _ segment: SegmentRegister, _ address: UInt64,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let operand = try operand(hex, codeSize)
    #expect(operand.segment == segment, sourceLocation: sourceLocation)
    let next = 0x1111_0000_2222_0000 + UInt64(hex.count / 2)
    let effective = operand.effectiveAddress(registers, nextInstruction: next)
    #expect(effective == address, "0x\(String(effective, radix: 16))", sourceLocation: sourceLocation)
  }

  @Test func in64BitCode() throws {
    let (rax, rcx, rsp, rbp) = (registers[.rax], registers[.rcx], registers[.rsp], registers[.rbp])
    let (r8, r12, r13) = (registers[.r8], registers[.r12], registers[.r13])
    try expect("8A00", .bits64, .ds, rax)  // [rax]
    try expect("8A0424", .bits64, .ss, rsp)  // [rsp]
    try expect("8A4510", .bits64, .ss, rbp + 0x10)  // [rbp+0x10]
    try expect("418A0424", .bits64, .ds, r12)  // [r12]
    try expect("418A4500", .bits64, .ds, r13)  // [r13]
    try expect("8A0488", .bits64, .ds, rax + rcx << 2)  // [rax+rcx*4]
    try expect("438A44E080", .bits64, .ds, r8 &+ r12 << 3 &- 0x80)  // [r8+r12*8-0x80]
    try expect("8A04CD00100000", .bits64, .ds, rcx << 3 + 0x1000)  // [rcx*8+0x1000]
    try expect("8A440500", .bits64, .ss, rbp + rax)  // [rbp+rax]
    try expect("8A8088A9CBED", .bits64, .ds, rax - 0x1234_5678)  // [rax-0x12345678]
    try expect("8A0501100000", .bits64, .ds, 0x1111_0000_2222_1007)  // [rip+0x1001]
    try expect("8A042500100080", .bits64, .ds, 0xFFFF_FFFF_8000_1000)  // [abs -0x7FFFF000]
    try expect("678A80FFFFFF7F", .bits64, .ds, (rax + 0x7FFF_FFFF) & 0xFFFF_FFFF)  // [eax+0x7FFFFFFF]
    try expect("678A0500000000", .bits64, .ds, 0x2222_0007)  // [eip]
    try expect("A08877665544332211", .bits64, .ds, 0x1122_3344_5566_7788)  // [0x1122334455667788]
    try expect("67A0B000E0FE", .bits64, .ds, 0xFEE0_00B0)  // [dword 0xFEE000B0]
  }

  @Test func in32BitCode() throws {
    func low(_ value: UInt64) -> UInt64 { value & 0xFFFF_FFFF }
    let (eax, ebx, esi) = (registers[.rax], registers[.rbx], registers[.rsi])
    try expect("8A08", .bits32, .ds, low(eax))  // [eax]
    try expect("8A4D00", .bits32, .ss, low(registers[.rbp]))  // [ebp]
    try expect("8A0C24", .bits32, .ss, low(registers[.rsp]))  // [esp]
    try expect("8A0D001000F0", .bits32, .ds, 0xF000_1000)  // [0xF0001000]
    try expect("8A48FF", .bits32, .ds, low(eax) - 1)  // [eax-1]
    try expect("268A8C7300010000", .bits32, .es, low(ebx + esi << 1 + 0x100))  // [es:ebx+esi*2+0x100]
    try expect("678A08", .bits32, .ds, (ebx + esi) & 0xFFFF)  // [bx+si]
  }

  @Test func in16BitCode() throws {
    func low(_ value: UInt64) -> UInt64 { value & 0xFFFF }
    let (bx, bp, si, di) = (registers[.rbx], registers[.rbp], registers[.rsi], registers[.rdi])
    try expect("8A08", .bits16, .ds, low(bx + si))  // [bx+si]
    try expect("8A497F", .bits16, .ds, low(bx + di + 0x7F))  // [bx+di+0x7F]
    try expect("8A0A", .bits16, .ss, low(bp + si))  // [bp+si]
    try expect("8A4B80", .bits16, .ss, low(bp + di - 0x80))  // [bp+di-0x80]
    try expect("8A0C", .bits16, .ds, low(si))  // [si]
    try expect("8A8D34F2", .bits16, .ds, low(di + 0xF234))  // [di+0xF234]
    try expect("8A0E34F2", .bits16, .ds, 0xF234)  // [0xF234]
    try expect("8A4E02", .bits16, .ss, low(bp + 2))  // [bp+2]
    try expect("8A0F", .bits16, .ds, low(bx))  // [bx]
    try expect("3E8A4E00", .bits16, .ds, low(bp))  // [ds:bp]
    try expect("678A08", .bits16, .ds, registers[.rax] & 0xFFFF_FFFF)  // [eax]
  }

  @Test func stringOperandsKeepESForTheDestination() throws {
    guard case .memory(let move) = try Instruction(InstructionBytes(hex: "2664A4"), codeSize: .bits32) else {
      Issue.record("no MOVS")
      return
    }
    #expect(move.source?.segment == .fs)
    #expect(move.source?.base == .register(.rsi))
    #expect(move.destination?.segment == .es)
    #expect(move.destination?.base == .register(.rdi))
    #expect(try operand("64AA", .bits32).segment == .es)
  }

  @Test func in64BitCodeFSAndGSAloneHaveABase() throws {
    for (hex, base) in [("648A00", 0x100), ("658A00", 0x100), ("368A00", 0), ("64368A00", 0x100)] {
      let linear = try operand(hex, .bits64).linearAddress(
        registers, nextInstruction: 0, segmentBase: 0x100, codeSize: .bits64)
      #expect(linear == GuestVirtualAddress(registers[.rax] + UInt64(base)))
    }
  }

  @Test func linearAddressesWrapAt4GiBOutside64BitCode() throws {
    let linear = try operand("8A0D001000F0", .bits32).linearAddress(
      registers, nextInstruction: 0, segmentBase: 0x2000_0000, codeSize: .bits32)
    #expect(linear == GuestVirtualAddress(0x1000_1000))
  }
}
