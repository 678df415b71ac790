/// The sixteen general registers under the encodings that ModRM, VMCS and VMCB share (SDM Vol. 2A, 2.1).
public enum GeneralRegister: UInt8, Sendable {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15

  /// The register that the low four bits of `number` name.
  @inline(__always)
  public init(_ number: UInt8) {
    // Every value of four bits is a case.
    self = Self(rawValue: number & 15)!
  }
}
