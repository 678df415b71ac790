import Machine

/// A register file for host tests.
struct RegisterArray: GeneralRegisterFile, Equatable {
  var values = [UInt64](repeating: 0, count: 16)

  subscript(register: GeneralRegister) -> UInt64 {
    get { values[Int(register.rawValue)] }
    set { values[Int(register.rawValue)] = newValue }
  }
}
