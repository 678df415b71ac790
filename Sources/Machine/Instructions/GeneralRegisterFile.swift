/// A vCPU's general-purpose registers, as the instruction emulation reads and writes them.
public protocol GeneralRegisterFile: ~Copyable {
  subscript(register: GeneralRegister) -> UInt64 { get set }
}

extension GeneralRegisterFile where Self: ~Copyable {
  /// The low `width` bytes of a register.
  @inline(__always)
  func value(of register: GeneralRegister, width: UInt8) -> UInt64 {
    self[register] & widthMask(width)
  }

  func value(of operand: RegisterOperand, width: UInt8) -> UInt64 {
    operand.isHighByte ? self[operand.register] >> 8 & 0xFF : value(of: operand.register, width: width)
  }

  /// Writes the low `width` bytes of a register: four clear the upper half, fewer leave the rest alone
  /// (SDM Vol. 1, 3.4.1.1).
  mutating func set(_ register: GeneralRegister, to value: UInt64, width: UInt8) {
    let mask = widthMask(width)
    self[register] = width >= 4 ? value & mask : self[register] & ~mask | value & mask
  }

  mutating func set(_ operand: RegisterOperand, to value: UInt64, width: UInt8) {
    guard operand.isHighByte else { return set(operand.register, to: value, width: width) }
    self[operand.register] = self[operand.register] & ~0xFF00 | (value & 0xFF) << 8
  }

  /// Moves a string instruction's index register on by one element of `width` bytes, backwards where
  /// RFLAGS.DF is set.
  mutating func advance(
    _ register: GeneralRegister, by width: UInt8, addressWidth: UInt8, flags: UInt64
  ) {
    let step = flags & Flags.direction == 0 ? UInt64(width) : 0 &- UInt64(width)
    set(register, to: self[register] &+ step, width: addressWidth)
  }

  /// Counts down what a REP prefix counts; true when nothing is left.
  mutating func countDown(addressWidth: UInt8) -> Bool {
    set(.rcx, to: self[.rcx] &- 1, width: addressWidth)
    return value(of: .rcx, width: addressWidth) == 0
  }
}

/// Ones in the low `width` (1, 2, 4 or 8) bytes.
@inline(__always)
func widthMask(_ width: UInt8) -> UInt64 {
  ~0 >> (64 - 8 * UInt64(width))
}
