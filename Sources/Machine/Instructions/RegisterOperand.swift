/// A register as an instruction names it.
public struct RegisterOperand: Equatable, Sendable {
  public var register: GeneralRegister
  /// Whether it is AH, CH, DH or BH: bits 8 to 15 of `register`.
  public var isHighByte = false

  public init(_ register: GeneralRegister, isHighByte: Bool = false) {
    self.register = register
    self.isHighByte = isHighByte
  }
}
