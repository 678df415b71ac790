/// An instruction that reads or writes memory and that can be carried out on a device's registers.
///
/// A violation says which guest-physical address was accessed; the instruction says what to do there. The
/// run loop reads `source` if there is one (for all but MOVS, from the device), calls `execute`, writes the
/// result to `destination` if there is one, and moves RIP on by `length`.
public struct MMIOInstruction: Equatable, Sendable {
  public enum Operation: Equatable, Sendable {
    /// Register := memory. MOV, MOVZX, MOVSX, MOVSXD.
    case load(isSigned: Bool)
    /// Memory := operand. MOV.
    case store
    /// Memory := memory op operand; flags alone for CMP and TEST.
    case combine(ArithmeticOperation)
    /// Register := register op memory; flags alone for CMP.
    case combineIntoRegister(ArithmeticOperation)
    case exchange
    case compareExchange
    case modify(Modification)
    case bitTest(BitModification)
    case string(StringOperation)
  }

  /// What an instruction with one operand does to it.
  public enum Modification: Sendable {
    case increment, decrement, not, negate
  }

  /// What becomes of the bit that BT, BTS, BTR or BTC has copied to CF.
  public enum BitModification: UInt8, Sendable {
    case none, set, reset, complement
  }

  public enum StringOperation: Sendable {
    /// MOVS: ES:rDI := DS:rSI.
    case move
    /// STOS: ES:rDI := rAX.
    case store
    /// LODS: rAX := DS:rSI.
    case load
  }

  /// The operand that is not in memory.
  public enum Operand: Equatable, Sendable {
    case none
    case register(RegisterOperand)
    /// Sign-extended to 64 bits.
    case immediate(UInt64)
  }

  public let operation: Operation
  /// Bytes of the memory access: 1, 2, 4 or 8.
  public let width: UInt8
  /// Bytes of the register operand: more than `width` where a load extends.
  public let registerWidth: UInt8
  public let operand: Operand
  /// The operand in memory; the source of MOVS.
  public let memory: MemoryOperand
  /// Whether a string instruction has a REP prefix.
  public let isRepeated: Bool
  public let isLocked: Bool
  /// Bytes of the instruction, 1 to 15.
  public let length: Int

  /// The operand that is read, `width` bytes.
  public var source: MemoryOperand? {
    switch operation {
    case .store, .string(.store): nil
    default: memory
    }
  }

  /// The operand that is written, `width` bytes.
  public var destination: MemoryOperand? {
    switch operation {
    case .store, .exchange, .compareExchange, .modify, .string(.store): memory
    case .combine(let operation): operation.hasResult ? memory : nil
    case .bitTest(let modification): modification == .none ? nil : memory
    case .string(.move): .stringDestination(addressWidth: memory.addressWidth)
    case .load, .combineIntoRegister, .string(.load): nil
    }
  }
}
