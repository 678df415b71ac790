import VCPU

extension ControlRegisterAccess {
  /// The exit qualification of control-register accesses (SDM Vol. 3C, 28.2.1, table 28-3).
  public init(qualification: UInt64) {
    let register = UInt8(qualification & 0xF)
    let general = GeneralRegister(UInt8(qualification >> 8 & 0xF))
    switch qualification >> 4 & 3 {
    case 0: self = .write(register: register, from: general)
    case 1: self = .read(register: register, into: general)
    case 2: self = .clearTaskSwitched
    default: self = .loadStatusWord(UInt16(truncatingIfNeeded: qualification >> 16))
    }
  }
}

extension PortAccess {
  /// The exit qualification of I/O instructions (SDM Vol. 3C, 28.2.1, table 28-5).
  @inline(__always)
  public init(ioQualification qualification: UInt64) {
    self.init(
      port: UInt16(truncatingIfNeeded: qualification >> 16), width: Int(qualification & 7) + 1,
      isInput: qualification & 1 << 3 != 0, isString: qualification & 1 << 4 != 0,
      isRepeated: qualification & 1 << 5 != 0)
  }
}
