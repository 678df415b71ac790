import Machine
import Testing

/// What instructions compute, against what an x86 CPU did with the same bytes and values.
@Suite struct InstructionExecutionTests {
  /// Bytes | rax rcx [rdi] status flags before | the same after | the text they were assembled from.
  private static let vectors = """
    010F | 7f 0 80000000 0 | 7f 0 80000000 84 | add [rdi], ecx
    020F | 0 99950d836f675cc 8000 0 | 0 99950d836f675cc 8000 84 | add cl, [rdi]
    48830780 | 80000000 ffffffff 80 1 | 80000000 ffffffff 0 45 | add qword [rdi], byte -128
    66010F | fd630f1f29d0da9 cb1e29c658cda14 8e81973e0becd7b0 8d5 | fd630f1f29d0da9 cb1e29c658cda14 8e81973e0becb1c4 81 | add [rdi], cx
    48010F | 7f 4ef8aa3892276658 2e44158bae97ba94 0 | 7f 4ef8aa3892276658 7d3cbfc440bf20ec 0 | add [rdi], rcx
    090F | 301850c5a38fd547 80000000 f4205b4907a70c3 0 | 301850c5a38fd547 80000000 f4205b4907a70c3 84 | or [rdi], ecx
    0A0F | 7fffffffffffffff 506bf2efc6f87718 7fffffff 1 | 7fffffffffffffff 506bf2efc6f877ff 7fffffff 84 | or cl, [rdi]
    48830F80 | ffffffffffffffff ffffffffffffffff ffffffff 1 | ffffffffffffffff ffffffffffffffff ffffffffffffffff 84 | or qword [rdi], byte -128
    66090F | 57ee05cde00902c7 9be4bcfc49b64a08 830e07bc1e398f10 54 | 57ee05cde00902c7 9be4bcfc49b64a08 830e07bc1e39cf18 84 | or [rdi], cx
    48090F | 7fff 7fffffff 7fffffffffffffff 0 | 7fff 7fffffff 7fffffffffffffff 4 | or [rdi], rcx
    110F | ca02135e92b1d3f2 571242425051c1cc 7f26144b98289fcd 0 | ca02135e92b1d3f2 571242425051c1cc 7f26144be87a6199 94 | adc [rdi], ecx
    120F | d70820fe119a72d1 ff 7fffffffffffffff 0 | d70820fe119a72d1 fe 7fffffffffffffff 91 | adc cl, [rdi]
    48831780 | 8000000000000000 ffffffff 72158370d269a9a5 1 | 8000000000000000 ffffffff 72158370d269a926 1 | adc qword [rdi], byte -128
    66110F | ab2cd31ee3151288 7fffffff ffffffff 0 | ab2cd31ee3151288 7fffffff fffffffe 91 | adc [rdi], cx
    48110F | 80 bd0561e6211c70cf 8000 54 | 80 bd0561e6211c70cf bd0561e6211cf0cf 84 | adc [rdi], rcx
    190F | 7fffffff ff 6e36aab0d1bc52d9 0 | 7fffffff ff 6e36aab0d1bc51da 90 | sbb [rdi], ecx
    1A0F | 8000 e25a7605aec6f024 80 8d5 | 8000 e25a7605aec6f0a3 80 885 | sbb cl, [rdi]
    48831F80 | 7f 80 ffffffff 8d5 | 7f 80 10000007e 5 | sbb qword [rdi], byte -128
    66190F | 0 80000000 ffffffff 1 | 0 80000000 fffffffe 80 | sbb [rdi], cx
    48190F | dbf4a8b2b0c4312d a7abe1c29e1a8ef4 74e69a5d0dd27a65 1 | dbf4a8b2b0c4312d a7abe1c29e1a8ef4 cd3ab89a6fb7eb70 881 | sbb [rdi], rcx
    210F | 65e7e4236472f1a3 1 8000 0 | 65e7e4236472f1a3 1 0 44 | and [rdi], ecx
    220F | 80 1 0 0 | 80 0 0 44 | and cl, [rdi]
    48832780 | 7f 5d158a2ff2ee4e45 dfd43f371200339d 8d5 | 7f 5d158a2ff2ee4e45 dfd43f3712003380 80 | and qword [rdi], byte -128
    66210F | a268aa872607679d 7fff 1f7296ab7961fd92 0 | a268aa872607679d 7fff 1f7296ab79617d92 0 | and [rdi], cx
    48210F | fa529ba3fe3bfada 7fffffff 7f 0 | fa529ba3fe3bfada 7fffffff 7f 0 | and [rdi], rcx
    290F | 43c71b9abd87a865 8000000000000000 0 8d5 | 43c71b9abd87a865 8000000000000000 0 44 | sub [rdi], ecx
    2A0F | 5c9bcf35873be078 80000000 87322e25c215a82a 1 | 5c9bcf35873be078 800000d6 87322e25c215a82a 91 | sub cl, [rdi]
    48832F80 | 174c77a2dd02de92 84b5a81842d87208 7f 1 | 174c77a2dd02de92 84b5a81842d87208 ff 5 | sub qword [rdi], byte -128
    66290F | 8aa4248c8857f9a4 a2eddbbd5464ecc2 ffffffffffffffff 8d5 | 8aa4248c8857f9a4 a2eddbbd5464ecc2 ffffffffffff133d 0 | sub [rdi], cx
    48290F | 66934036d17e4497 332dd3313a0b9965 bb2313f55b06258e 0 | 66934036d17e4497 332dd3313a0b9965 87f540c420fa8c29 80 | sub [rdi], rcx
    310F | 4787f93bca44eb86 80 5822cb77f4de2c08 54 | 4787f93bca44eb86 80 5822cb77f4de2c88 84 | xor [rdi], ecx
    320F | fcf00fecb91ee9e5 7fff 1 8d5 | fcf00fecb91ee9e5 7ffe 1 80 | xor cl, [rdi]
    48833780 | 7fff ffffffff d726c86b9c3a23cd 0 | 7fff ffffffff 28d9379463c5dc4d 4 | xor qword [rdi], byte -128
    66310F | 7fffffffffffffff 7fffffffffffffff 7fffffffffffffff 0 | 7fffffffffffffff 7fffffffffffffff 7fffffffffff0000 44 | xor [rdi], cx
    48310F | b6246771c8450070 e39639be7a605a91 ffffffffffffffff 1 | b6246771c8450070 e39639be7a605a91 1c69c641859fa56e 0 | xor [rdi], rcx
    390F | ffffffffffffffff 6555abfeb8c9817a 8000000000000000 0 | ffffffffffffffff 6555abfeb8c9817a 8000000000000000 11 | cmp [rdi], ecx
    3A0F | fe3c9c8f2b855c1f 7f ce76e9f477216e9e 1 | fe3c9c8f2b855c1f 7f ce76e9f477216e9e 885 | cmp cl, [rdi]
    48833F80 | ffffffff effddeeaa842bc19 80000000 0 | ffffffff effddeeaa842bc19 80000000 1 | cmp qword [rdi], byte -128
    66390F | 0 a6511445b9f3635c 8000000000000000 8d5 | 0 a6511445b9f3635c 8000000000000000 91 | cmp [rdi], cx
    48390F | 80 72a98d23606defc ff 0 | 80 72a98d23606defc ff 85 | cmp [rdi], rcx
    850F | ffffffff 80000000 7f 0 | ffffffff 80000000 7f 44 | test [rdi], ecx
    F60780 | e5cfedfa5a9196f0 ffffffff 6bae4b5b844a7034 0 | e5cfedfa5a9196f0 ffffffff 6bae4b5b844a7034 44 | test byte [rdi], 0x80
    48F707FFFFFFFF | 7f df70301704c9d78d 7f 0 | 7f df70301704c9d78d 7f 0 | test qword [rdi], -1
    870F | ffffffffffffffff 7f 8000000000000000 0 | ffffffffffffffff 0 800000000000007f 0 | xchg [rdi], ecx
    862F | aead44b0537390e5 7b8444d18e317041 e21b37ca1b29fc99 0 | aead44b0537390e5 7b8444d18e319941 e21b37ca1b29fc70 0 | xchg [rdi], ch
    66870F | 80 ffffffffffffffff 7fffffff 0 | 80 ffffffffffffffff 7fffffff 0 | xchg [rdi], cx
    882F | 1 ffffffff 831d03bf9b2bd6c0 8d5 | 1 ffffffff 831d03bf9b2bd6ff 8d5 | mov [rdi], ch
    890F | 8216858f73ccef03 81fc069e7a609683 85f1115bb2fff17b 1 | 8216858f73ccef03 81fc069e7a609683 85f1115b7a609683 1 | mov [rdi], ecx
    48C707FEFFFFFF | f179f2d2e48b9662 7fffffff 1 54 | f179f2d2e48b9662 7fffffff fffffffffffffffe 54 | mov qword [rdi], -2
    8A0F | 1 12b80aed6da79a87 ff 0 | 1 12b80aed6da79aff ff 0 | mov cl, [rdi]
    8A2F | f08360852789d059 5dbe3023a906922f 7f 54 | f08360852789d059 5dbe3023a9067f2f 7f 54 | mov ch, [rdi]
    668B0F | 1 7fffffff 7fffffffffffffff 8d5 | 1 7fffffff 7fffffffffffffff 8d5 | mov cx, [rdi]
    8B0F | 8000 56d050cd67601367 7fff 1 | 8000 7fff 7fff 1 | mov ecx, [rdi]
    488B0F | 7fff 80000000 8000000000000000 0 | 7fff 8000000000000000 8000000000000000 0 | mov rcx, [rdi]
    0FB60F | 80000000 f5f554ed83239ef5 ffffffffffffffff 8d5 | 80000000 ff ffffffffffffffff 8d5 | movzx ecx, byte [rdi]
    660FB60F | 15850a031ad2d5f1 0 453bf4912e7a26e9 8d5 | 15850a031ad2d5f1 e9 453bf4912e7a26e9 8d5 | movzx cx, byte [rdi]
    480FB70F | e9526a69d97e967b 42343354f22d2882 80000000 0 | e9526a69d97e967b 0 80000000 0 | movzx rcx, word [rdi]
    0FBE0F | 53b97377b34e8ece 0 6ce193c22eefa279 0 | 53b97377b34e8ece 79 6ce193c22eefa279 0 | movsx ecx, byte [rdi]
    660FBE0F | 0 42b38755cd37880e 80 0 | 0 42b38755cd37ff80 80 0 | movsx cx, byte [rdi]
    480FBF0F | 1 7fff ed3a32a86af25748 1 | 1 5748 ed3a32a86af25748 1 | movsx rcx, word [rdi]
    48630F | 86e3e7260b0f873b 1c0502c6f0290531 ce5af69430b91ed 8d5 | 86e3e7260b0f873b 430b91ed ce5af69430b91ed 8d5 | movsxd rcx, dword [rdi]
    0FB10F | 7fffffff c26e7a4287f53ddd 7fffffff 0 | 7fffffff c26e7a4287f53ddd 87f53ddd 44 | cmpxchg [rdi], ecx
    0FB00F | 58d50f1b4540f426 401d68fbfe977c56 0 1 | 58d50f1b4540f400 401d68fbfe977c56 0 0 | cmpxchg [rdi], cl
    480FB10F | 7fffffffffffffff ef44c0d53ee4da5a 7fffffffffffffff 1 | 7fffffffffffffff ef44c0d53ee4da5a ef44c0d53ee4da5a 44 | cmpxchg [rdi], rcx
    660FB10F | 7fffffff 64a149f5e3838b9e b00fd7bb4ecadea2 8d5 | 7fffdea2 64a149f5e3838b9e b00fd7bb4ecadea2 0 | cmpxchg [rdi], cx
    0FB10F | fd4bd030679a44dd ba958810b4ebf4b6 fd4bd030679a44dd 1 | fd4bd030679a44dd ba958810b4ebf4b6 fd4bd030b4ebf4b6 44 | cmpxchg [rdi], ecx
    0FB00F | 213bca7fd644de2f 7fffffffffffffff 6e4505f5416e99b0 8d5 | 213bca7fd644deb0 7fffffffffffffff 6e4505f5416e99b0 1 | cmpxchg [rdi], cl
    480FB10F | 99498ac4482cc78e 8185797cdedb9109 99498ac4482cc78e 8d5 | 99498ac4482cc78e 8185797cdedb9109 8185797cdedb9109 44 | cmpxchg [rdi], rcx
    660FB10F | 759eb5590b94af3a ff ff 1 | 759eb5590b9400ff ff ff 90 | cmpxchg [rdi], cx
    0FBA271F | fc2325a9f8fdd208 8d180113e940bb4 37c60e984f3e885e 1 | fc2325a9f8fdd208 8d180113e940bb4 37c60e984f3e885e 0 | bt dword [rdi], 31
    480FBA2F3F | 7fff 7fffffff 7fffffffffffffff 8d5 | 7fff 7fffffff ffffffffffffffff 8d4 | bts qword [rdi], 63
    660FBA370F | ffffffffffffffff ff 66465d2824d4589c 0 | ffffffffffffffff ff 66465d2824d4589c 0 | btr word [rdi], 15
    0FBA3F07 | 0 7fffffffffffffff ffffffff 0 | 0 7fffffffffffffff ffffff7f 1 | btc dword [rdi], 7
    0FBA2F21 | a854c83427be9ab1 e10c167dc8b6eaff 537d9128c3a9e889 1 | a854c83427be9ab1 e10c167dc8b6eaff 537d9128c3a9e88b 0 | bts dword [rdi], 33
    FE07 | 48bfcbcf26433798 250e7b34a4aa07b4 8000000000000000 0 | 48bfcbcf26433798 250e7b34a4aa07b4 8000000000000001 0 | inc byte [rdi]
    FF07 | b3783a7cbbddbb9b e8ee65a123a9a9da 9187df42811e7616 0 | b3783a7cbbddbb9b e8ee65a123a9a9da 9187df42811e7617 84 | inc dword [rdi]
    48FF0F | cc4793d795850e21 f4c18226aed23b0f 15c891ff3add6527 0 | cc4793d795850e21 f4c18226aed23b0f 15c891ff3add6526 0 | dec qword [rdi]
    66FF0F | 7fffffffffffffff 1 7fffffff 0 | 7fffffffffffffff 1 7ffffffe 80 | dec word [rdi]
    66F717 | 0 3e9b768fae4001e3 0 54 | 0 3e9b768fae4001e3 ffff 54 | not word [rdi]
    48F717 | eeb89ff1bf8e51aa 1789819f8902dafc bee8062610e8ad01 1 | eeb89ff1bf8e51aa 1789819f8902dafc 4117f9d9ef1752fe 1 | not qword [rdi]
    F71F | ffffffffffffffff ff ffffffffffffffff 8d5 | ffffffffffffffff ff ffffffff00000001 11 | neg dword [rdi]
    F61F | 7fffffffffffffff d874bc797e736d5f 7fffffff 1 | 7fffffffffffffff d874bc797e736d5f 7fffff01 11 | neg byte [rdi]
    """

  @Test(arguments: vectors.split(separator: "\n"))
  func agreesWithTheCPU(vector: Substring) throws {
    let fields = vector.split(separator: "|")
    let before = fields[1].split(separator: " ").map { UInt64($0, radix: 16)! }
    let after = fields[2].split(separator: " ").map { UInt64($0, radix: 16)! }
    let bytes = InstructionBytes(hex: fields[0].filter(\.isHexDigit))
    guard case .memory(let instruction) = try Instruction(bytes, codeSize: .bits64) else {
      Issue.record("no instruction on memory")
      return
    }
    var registers = RegisterArray()
    (registers[.rax], registers[.rcx]) = (before[0], before[1])
    var memory = before[2]
    var flags = before[3] | 0x202
    let outcome = instruction.execute(read: memory, registers: &registers, flags: &flags)
    #expect((outcome.written != nil) == (instruction.destination != nil))
    if let written = outcome.written {
      let mask = UInt64.max >> (64 - 8 * UInt64(instruction.width))
      #expect(written & ~mask == 0)
      memory = memory & ~mask | written
    }
    #expect(outcome.isComplete)
    #expect(
      [registers[.rax], registers[.rcx], memory, flags] == [after[0], after[1], after[2], after[3] | 0x202])
  }

  private func instruction(_ hex: String, _ codeSize: CodeSize = .bits64) throws -> MMIOInstruction {
    guard case .memory(let instruction) = try Instruction(InstructionBytes(hex: hex), codeSize: codeSize)
    else { throw InstructionError.incomplete }
    return instruction
  }

  private static let directionFlag: UInt64 = 1 << 10

  @Test func aRepeatedStoreGoesRoundUntilItsCountIsZero() throws {
    let stos = try instruction("F3AB")  // rep stosd
    var registers = RegisterArray()
    (registers[.rax], registers[.rcx], registers[.rdi]) = (0x1_2345_6789, 2, 0x1000)
    var flags: UInt64 = 2
    var outcome = stos.execute(read: 0, registers: &registers, flags: &flags)
    #expect(outcome.written == 0x2345_6789 && !outcome.isComplete)
    #expect([registers[.rcx], registers[.rdi]] == [1, 0x1004])
    outcome = stos.execute(read: 0, registers: &registers, flags: &flags)
    #expect(outcome.written == 0x2345_6789 && outcome.isComplete)
    #expect([registers[.rcx], registers[.rdi]] == [0, 0x1008])
    outcome = stos.execute(read: 0, registers: &registers, flags: &flags)
    #expect(outcome.written == nil && outcome.isComplete)
    #expect([registers[.rcx], registers[.rdi]] == [0, 0x1008])
  }

  @Test func aStringMoveTakesBothRegistersAlongInTheFlagsDirection() throws {
    let movs = try instruction("66A5")  // movsw
    var registers = RegisterArray()
    (registers[.rcx], registers[.rsi], registers[.rdi]) = (7, 0x1000, 1)
    var flags = Self.directionFlag
    let outcome = movs.execute(read: 0xFFFF_ABCD, registers: &registers, flags: &flags)
    #expect(outcome.written == 0xABCD && outcome.isComplete)
    #expect([registers[.rcx], registers[.rsi], registers[.rdi]] == [7, 0xFFE, .max])
  }

  @Test func stringRegistersMoveAtTheAddressWidth() throws {
    var registers = RegisterArray()
    var flags: UInt64 = 2
    (registers[.rcx], registers[.rdi]) = (0xAAAA_0000_0000_0001, 0xAAAA_0000_FFFF_FFFF)
    // a32 rep stosb
    let wide = try instruction("F367AA").execute(read: 0, registers: &registers, flags: &flags)
    #expect(wide.isComplete)
    #expect([registers[.rcx], registers[.rdi]] == [0, 0])

    (registers[.rcx], registers[.rsi]) = (0xAAAA_0000, 0xAAAA_FFFF)
    let idle = try instruction("F3AC", .bits16).execute(read: 1, registers: &registers, flags: &flags)
    #expect(idle.written == nil && idle.isComplete)
    #expect(registers[.rsi] == 0xAAAA_FFFF)
    _ = try instruction("AC", .bits16).execute(read: 1, registers: &registers, flags: &flags)
    #expect(registers[.rsi] == 0xAAAA_0000)
    #expect(registers[.rax] == 1)
  }

  @Test func portStringsMoveTheirOwnRegister() throws {
    guard case .port(let input) = try Instruction(InstructionBytes(hex: "F36D"), codeSize: .bits64),
      case .port(let output) = try Instruction(InstructionBytes(hex: "6E"), codeSize: .bits64)
    else {
      Issue.record("no port instruction")
      return
    }
    var registers = RegisterArray()
    (registers[.rcx], registers[.rsi], registers[.rdi]) = (2, 0x100, 0x200)
    #expect(!input.isIdle(registers))
    #expect(!input.advance(&registers, flags: 2))
    #expect(input.advance(&registers, flags: 2))
    #expect(input.isIdle(registers))
    #expect(!output.isIdle(registers))
    #expect(output.advance(&registers, flags: Self.directionFlag))
    #expect([registers[.rcx], registers[.rsi], registers[.rdi]] == [0, 0xFF, 0x208])
  }
}
