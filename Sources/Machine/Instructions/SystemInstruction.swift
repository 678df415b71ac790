import VCPU

/// An instruction on control or debug registers, descriptor tables or the TLB, or a call through them, with its operands.
public struct SystemInstruction: Equatable, Sendable {
  public enum Operation: Equatable, Sendable {
    /// MOV to CR0, CR2, CR3, CR4 or CR8; 32 bits of the register outside 64-bit code, 64 bits in it.
    case moveToControl(UInt8, from: GeneralRegister)
    case moveFromControl(UInt8, to: GeneralRegister)
    /// MOV to DR0 … DR7; DR4 and DR5 are for the caller to alias or refuse (CR4.DE).
    case moveToDebug(UInt8, from: GeneralRegister)
    case moveFromDebug(UInt8, to: GeneralRegister)
    /// LMSW: loads the low 16 bits of the operand.
    case loadMachineStatus(Operand)
    /// SMSW: `width` bytes of CR0.
    case storeMachineStatus(Operand, width: UInt8)
    /// CLTS.
    case clearTaskSwitched
    /// INVLPG.
    case invalidatePage(MemoryOperand)
    /// LGDT or LIDT: two bytes of limit, then the base, of which `baseWidth` bytes count.
    case loadDescriptorTable(isInterrupt: Bool, MemoryOperand, baseWidth: UInt8)
    /// INT with a vector.
    case interrupt(UInt8)
  }

  public enum Operand: Equatable, Sendable {
    case register(GeneralRegister)
    case memory(MemoryOperand)
  }

  public let operation: Operation
  /// Bytes of the instruction, 2 to 15.
  public let length: Int
}
