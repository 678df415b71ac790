import Memory

extension Span<UInt8> {
  /// The little-endian integer at `offset`, where a check of the whole has shown that there is one.
  @inline(__always)
  func field<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, at offset: Int) -> Value {
    guard let value = littleEndian(type, at: offset) else { preconditionFailure("field beyond its frame") }
    return value
  }
}

extension MutableSpan<UInt8> {
  /// Stores `value` at `offset` in little-endian order, where there is room for it.
  @inline(__always)
  mutating func put<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value, at offset: Int) {
    precondition(setLittleEndian(value, at: offset))
  }
}
