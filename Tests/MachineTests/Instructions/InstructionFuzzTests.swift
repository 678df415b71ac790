import Machine
import Support
import Testing

@Suite struct InstructionFuzzTests {
  private static let prefixes: [UInt8] = [
    0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x48, 0x4F, 0x0F,
  ]

  @Test(arguments: [CodeSize.bits16, .bits32, .bits64])
  func noBytesTrapAndNoInstructionIsLongerThanTheyAre(codeSize: CodeSize) {
    var random = SeededGenerator(seed: 1)
    var registers = RegisterArray()
    var flags: UInt64 = 2
    var decoded = 0
    for _ in 0..<334_000 {
      var bytes = InlineArray<15, UInt8>(repeating: 0)
      var word = random.next()
      for index in 0..<15 {
        if index == 8 { word = random.next() }
        bytes[index] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(index % 8)))
      }
      let shape = random.next()
      for index in 0..<Int(shape % 4) {
        bytes[index] = Self.prefixes[Int(shape >> (8 * UInt64(index + 1)) % 14)]
      }
      let count = shape >> 60 == 0 ? Int(shape >> 40 & 15) : 15
      do throws(InstructionError) {
        let instruction = try Instruction(InstructionBytes(bytes, count: count), codeSize: codeSize)
        decoded += 1
        if instruction.length < 1 || instruction.length > count {
          Issue.record("length \(instruction.length) of \(count) bytes: \(bytes)")
          return
        }
        guard case .memory(let memory) = instruction else { continue }
        registers.values[Int(shape & 15)] = random.next()
        _ = memory.source?.linearAddress(
          registers, nextInstruction: shape, segmentBase: word, codeSize: codeSize)
        _ = memory.destination?.effectiveAddress(registers, nextInstruction: shape)
        _ = memory.execute(read: word, registers: &registers, flags: &flags)
      } catch {}
    }
    #expect(decoded > 50_000)
  }
}
