/// A general-purpose register by its number in instruction encodings.
public enum GeneralRegister: UInt8, Sendable {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi
  case r8, r9, r10, r11, r12, r13, r14, r15

  /// The register that the low four bits of `number` name.
  @inline(__always)
  init(_ number: UInt8) {
    // Every value of four bits is a case.
    self = Self(rawValue: number & 15)!
  }
}
