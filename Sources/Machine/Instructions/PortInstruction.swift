/// IN, OUT, INS or OUTS.
public struct PortInstruction: Equatable, Sendable {
  public enum Port: Equatable, Sendable {
    case immediate(UInt8)
    /// The port in DX.
    case dx
  }

  /// Whether the port is read.
  public let isInput: Bool
  /// Bytes of the access: 1, 2 or 4. IN and OUT move it between the port and the low bytes of RAX.
  public let width: UInt8
  public let port: Port
  /// The memory that INS writes or OUTS reads; nil for IN and OUT.
  public let memory: MemoryOperand?
  /// Whether INS or OUTS has a REP prefix.
  public let isRepeated: Bool
  /// Bytes of the instruction, 1 to 15.
  public let length: Int

  /// Whether a REP counts no element: nothing is to be moved and RIP moves on.
  public func isIdle<Registers: GeneralRegisterFile & ~Copyable>(
    _ registers: borrowing Registers
  ) -> Bool {
    guard let memory, isRepeated else { return false }
    return registers.value(of: .rcx, width: memory.addressWidth) == 0
  }

  /// Moves the registers of INS or OUTS on after one element; true when RIP moves on too.
  public func advance<Registers: GeneralRegisterFile & ~Copyable>(
    _ registers: inout Registers, flags: UInt64
  ) -> Bool {
    guard let memory else { return true }
    registers.advance(
      isInput ? .rdi : .rsi, by: width, addressWidth: memory.addressWidth, flags: flags)
    return isRepeated ? registers.countDown(addressWidth: memory.addressWidth) : true
  }
}
