/// What an instruction with two operands computes; the first eight by their number in opcodes.
public enum ArithmeticOperation: UInt8, Sendable {
  case add, or, addWithCarry, subtractWithBorrow, and, subtract, xor, compare
  case test

  /// Whether there is a result, not just flags.
  public var hasResult: Bool { self != .compare && self != .test }

  /// Computes `left` op `right`, both of `width` bytes, and sets the status flags.
  ///
  /// AF, which logical operations leave undefined, is cleared, as CPUs do.
  func apply(_ left: UInt64, _ right: UInt64, width: UInt8, flags: inout UInt64) -> UInt64 {
    let mask = widthMask(width)
    let left = left & mask
    let right = right & mask
    let carry = flags & Flags.carry
    let result: UInt64
    // The bits out of which a carry or borrow comes, and the sign bit of a signed overflow.
    var carries: UInt64 = 0
    var overflows: UInt64 = 0
    switch self {
    case .or: result = left | right
    case .and, .test: result = left & right
    case .xor: result = left ^ right
    case .add, .addWithCarry:
      result = (left &+ right &+ (self == .add ? 0 : carry)) & mask
      carries = left & right | (left | right) & ~result
      overflows = (left ^ result) & (right ^ result)
    case .subtract, .subtractWithBorrow, .compare:
      result = (left &- right &- (self == .subtractWithBorrow ? carry : 0)) & mask
      carries = ~left & right | (~left | right) & result
      overflows = (left ^ right) & (left ^ result)
    }
    let sign = mask ^ mask >> 1
    flags &= ~Flags.status
    if carries & sign != 0 { flags |= Flags.carry }
    if carries & 8 != 0 { flags |= Flags.adjust }
    if overflows & sign != 0 { flags |= Flags.overflow }
    if result & sign != 0 { flags |= Flags.sign }
    if result == 0 { flags |= Flags.zero }
    if (result & 0xFF).nonzeroBitCount & 1 == 0 { flags |= Flags.parity }
    return result
  }
}
