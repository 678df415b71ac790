extension MMIOInstruction {
  /// What remains to be done once an instruction has been carried out.
  public struct Outcome: Equatable, Sendable {
    /// What to write to `destination`; nil where there is none, or where a REP counts no element.
    public var written: UInt64?
    /// Whether RIP moves on; otherwise a REP goes round again.
    public var isComplete: Bool
  }

  /// Carries the instruction out on registers and flags; one element of a repeated one.
  ///
  /// - Parameters:
  ///   - read: what `source` holds; any value where there is no source.
  ///   - flags: RFLAGS.
  public func execute<Registers: GeneralRegisterFile & ~Copyable>(
    read: UInt64, registers: inout Registers, flags: inout UInt64
  ) -> Outcome {
    let read = read & widthMask(width)
    var written: UInt64?
    switch operation {
    case .load(let isSigned):
      setRegister(to: isSigned ? signExtended(read) : read, in: &registers)
    case .store:
      written = operandValue(registers)
    case .combine(let operation):
      let result = operation.apply(read, operandValue(registers), width: width, flags: &flags)
      if operation.hasResult { written = result }
    case .combineIntoRegister(let operation):
      let result = operation.apply(operandValue(registers), read, width: width, flags: &flags)
      if operation.hasResult { setRegister(to: result, in: &registers) }
    case .exchange:
      written = operandValue(registers)
      setRegister(to: read, in: &registers)
    case .compareExchange:
      let accumulator = registers.value(of: .rax, width: width)
      _ = ArithmeticOperation.compare.apply(accumulator, read, width: width, flags: &flags)
      if accumulator == read {
        written = operandValue(registers)
      } else {
        // Memory gets a write cycle either way (SDM Vol. 2A, CMPXCHG).
        written = read
        registers.set(.rax, to: read, width: width)
      }
    case .modify(let modification):
      written = modify(read, modification, flags: &flags)
    case .bitTest(let modification):
      written = bitTest(read, modification, bit: operandValue(registers), flags: &flags)
    case .string(let operation):
      return executeString(operation, read: read, registers: &registers, flags: flags)
    }
    return Outcome(written: written.map { $0 & widthMask(width) }, isComplete: true)
  }

  private func operandValue<Registers: GeneralRegisterFile & ~Copyable>(
    _ registers: borrowing Registers
  ) -> UInt64 {
    switch operand {
    case .none: 0
    case .register(let register): registers.value(of: register, width: registerWidth)
    case .immediate(let value): value & widthMask(width)
    }
  }

  private func setRegister<Registers: GeneralRegisterFile & ~Copyable>(
    to value: UInt64, in registers: inout Registers
  ) {
    guard case .register(let register) = operand else { return }
    registers.set(register, to: value, width: registerWidth)
  }

  private func signExtended(_ value: UInt64) -> UInt64 {
    let shift = 64 - 8 * Int64(width)
    return UInt64(bitPattern: (Int64(bitPattern: value) << shift) >> shift)
  }

  private func modify(_ value: UInt64, _ modification: Modification, flags: inout UInt64) -> UInt64 {
    let carry = flags & Flags.carry
    switch modification {
    case .not:
      return ~value
    case .negate:
      return ArithmeticOperation.subtract.apply(0, value, width: width, flags: &flags)
    case .increment, .decrement:
      let operation = modification == .increment ? ArithmeticOperation.add : .subtract
      let result = operation.apply(value, 1, width: width, flags: &flags)
      flags = flags & ~Flags.carry | carry
      return result
    }
  }

  /// Flags other than CF, undefined or unchanged by these instructions, stay as they are.
  private func bitTest(
    _ value: UInt64, _ modification: BitModification, bit: UInt64, flags: inout UInt64
  ) -> UInt64? {
    let mask: UInt64 = 1 << (bit & (8 * UInt64(width) - 1))
    flags = flags & ~Flags.carry | (value & mask == 0 ? 0 : Flags.carry)
    switch modification {
    case .none: return nil
    case .set: return value | mask
    case .reset: return value & ~mask
    case .complement: return value ^ mask
    }
  }

  private func executeString<Registers: GeneralRegisterFile & ~Copyable>(
    _ operation: StringOperation, read: UInt64, registers: inout Registers, flags: UInt64
  ) -> Outcome {
    let addressWidth = memory.addressWidth
    if isRepeated, registers.value(of: .rcx, width: addressWidth) == 0 {
      return Outcome(written: nil, isComplete: true)
    }
    var written: UInt64?
    switch operation {
    case .move: written = read
    case .store: written = registers.value(of: .rax, width: width)
    case .load: registers.set(.rax, to: read, width: width)
    }
    if operation != .store {
      registers.advance(.rsi, by: width, addressWidth: addressWidth, flags: flags)
    }
    if operation != .load {
      registers.advance(.rdi, by: width, addressWidth: addressWidth, flags: flags)
    }
    return Outcome(
      written: written, isComplete: isRepeated ? registers.countDown(addressWidth: addressWidth) : true)
  }
}
