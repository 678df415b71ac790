import VCPU

/// The registers that an event changes in real mode, and how it does (SDM Vol. 3B, 21.1.4; Vol. 2A, INT n).
struct RealModeInterrupt: Equatable {
  var flags: UInt64
  var code: UInt16
  var instructionPointer: UInt16
  var stack: UInt16
  var stackPointer: UInt16

  enum Failure: Error {
    /// The table ends before the vector's entry.
    case beyondTable
    /// SP is 1, 3 or 5: a word would straddle the end of the stack segment.
    case stackPointer
    /// Table or stack are not in RAM.
    case memory
  }

  /// Pushes FLAGS, CS and IP and goes to the handler that `table` has for the vector.
  mutating func take(
    _ vector: UInt8, through table: DescriptorTable, _ memory: GuestWords
  ) throws(Failure) {
    let entry = UInt64(vector) * 4
    guard entry + 3 <= UInt64(table.limit) else { throw .beyondTable }
    guard stackPointer > 5 || stackPointer & 1 == 0 else { throw .stackPointer }
    guard let offset = memory.read(table.base &+ entry), let selector = memory.read(table.base &+ entry &+ 2)
    else { throw .memory }
    try push(UInt16(truncatingIfNeeded: flags), memory)
    try push(code, memory)
    try push(instructionPointer, memory)
    flags &= ~(RFLAGS.interrupt | RFLAGS.trap | RFLAGS.alignmentCheck)
    code = selector
    instructionPointer = offset
  }

  private mutating func push(_ word: UInt16, _ memory: GuestWords) throws(Failure) {
    let next = stackPointer &- 2
    guard memory.write(UInt64(stack) << 4 + UInt64(next), word) else { throw .memory }
    stackPointer = next
  }

  /// What becomes of an event whose vector is beyond the table: #GP, then a double fault, then nothing any more.
  static func successor(of vector: UInt8) -> UInt8? {
    switch vector {
    case ExceptionVector.doubleFault: nil
    case _ where ExceptionVector.isContributoryOrPageFault(vector): ExceptionVector.doubleFault
    default: ExceptionVector.generalProtection
    }
  }
}
