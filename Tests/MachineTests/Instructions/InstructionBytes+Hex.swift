import Machine

extension InstructionBytes {
  /// From hexadecimal digits, followed by as many bytes of `padding` as fit or by nothing.
  init(hex: String, padding: UInt8? = nil) {
    let digits = hex.compactMap(\.hexDigitValue)
    var bytes = InlineArray<15, UInt8>(repeating: padding ?? 0)
    for index in 0..<digits.count / 2 { bytes[index] = UInt8(digits[2 * index] << 4 | digits[2 * index + 1]) }
    self.init(bytes, count: padding == nil ? digits.count / 2 : Self.capacity)
  }
}
