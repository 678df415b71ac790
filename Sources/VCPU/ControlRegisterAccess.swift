/// What a guest did to a control register.
public enum ControlRegisterAccess: Equatable, Sendable {
  case write(register: UInt8, from: GeneralRegister)
  case read(register: UInt8, into: GeneralRegister)
  case clearTaskSwitched
  /// LMSW: the low four bits of CR0.
  case loadStatusWord(UInt16)
}
