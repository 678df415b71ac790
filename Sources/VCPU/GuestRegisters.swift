import Assembly

extension UnsafeMutablePointer<guest_registers> {
  /// The register's slot: `general` is the structure's first member, sixteen words.
  @inline(__always)
  public subscript(general register: GeneralRegister) -> UInt64 {
    get {
      unsafe UnsafeMutableRawPointer(self).load(fromByteOffset: 8 * Int(register.rawValue), as: UInt64.self)
    }
    nonmutating set {
      unsafe UnsafeMutableRawPointer(self)
        .storeBytes(of: newValue, toByteOffset: 8 * Int(register.rawValue), as: UInt64.self)
    }
  }
}
