/// The sixteen general registers under the encodings that ModRM, VMCS and VMCB share (SDM Vol. 2A, 2.1).
public enum GeneralRegister: UInt8, Sendable {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
}
