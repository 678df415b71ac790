extension [UInt8] {
  /// Overwrites bytes from `offset` on with `value`, growing the array as needed.
  mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    let width = Value.bitWidth / 8
    if count < offset + width { append(contentsOf: repeatElement(0, count: offset + width - count)) }
    for index in 0..<width { self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }

  mutating func set(_ bytes: [UInt8], at offset: Int) {
    for (index, byte) in bytes.enumerated() { set(byte, at: offset + index) }
  }

  func get<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
    (0..<Value.bitWidth / 8).reduce(0) { $0 | Value(truncatingIfNeeded: self[offset + $1]) << (8 * $1) }
  }

  func get(_ range: Range<Int>) -> [UInt8] { [UInt8](self[range]) }
}
