import Memory

/// Where an instruction's operand stands in memory: segment:[base + index·2^scale + displacement].
public struct MemoryOperand: Equatable, Sendable {
  public enum Base: Equatable, Sendable {
    case none
    case register(GeneralRegister)
    /// The address of the next instruction (RIP-relative).
    case nextInstruction
  }

  public internal(set) var segment: SegmentRegister
  public internal(set) var base = Base.none
  public internal(set) var index: GeneralRegister?
  /// Power of two that the index is multiplied by, 0 to 3.
  public internal(set) var scale: UInt8 = 0
  /// Sign-extended to 64 bits.
  public internal(set) var displacement: UInt64 = 0
  /// Bytes of an address: 2, 4 or 8. Sums wrap at this width.
  public let addressWidth: UInt8

  init(segment: SegmentRegister, addressWidth: UInt8) {
    self.segment = segment
    self.addressWidth = addressWidth
  }

  /// ES:rDI, the string destination that no prefix overrides.
  static func stringDestination(addressWidth: UInt8) -> Self {
    var operand = Self(segment: .es, addressWidth: addressWidth)
    operand.base = .register(.rdi)
    return operand
  }

  /// The offset in the segment. `nextInstruction` is RIP plus the instruction's length.
  public func effectiveAddress<Registers: GeneralRegisterFile & ~Copyable>(
    _ registers: borrowing Registers, nextInstruction: UInt64
  ) -> UInt64 {
    var address = displacement
    switch base {
    case .none: break
    case .register(let register): address &+= registers[register]
    case .nextInstruction: address &+= nextInstruction
    }
    if let index { address &+= registers[index] << UInt64(scale) }
    return address & widthMask(addressWidth)
  }

  /// The linear address, given the base of `segment`, which counts for FS and GS alone in 64-bit code
  /// (SDM Vol. 1, 3.3.4 and 3.4.2.1).
  public func linearAddress<Registers: GeneralRegisterFile & ~Copyable>(
    _ registers: borrowing Registers, nextInstruction: UInt64, segmentBase: UInt64, codeSize: CodeSize
  ) -> GuestVirtualAddress {
    let offset = effectiveAddress(registers, nextInstruction: nextInstruction)
    guard codeSize == .bits64 else {
      return GuestVirtualAddress((offset &+ segmentBase) & 0xFFFF_FFFF)
    }
    return GuestVirtualAddress(segment == .fs || segment == .gs ? offset &+ segmentBase : offset)
  }
}
