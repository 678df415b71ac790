// Hardware, firmware and wire layouts are read and written by byte offset: Swift promises no layout for
// its own structs, and a span checks every bound.

extension Span<UInt8> {
  /// The little-endian integer at byte `offset`, or nil where it would reach past either end.
  @inlinable @inline(__always)
  public func littleEndian<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, at offset: Int
  ) -> Value? {
    let width = Value.bitWidth / 8
    guard offset >= 0, count >= width, offset <= count - width else { return nil }
    var value: Value = 0
    for index in 0..<width {
      value |= Value(truncatingIfNeeded: self[offset + index]) << Value(8 * index)
    }
    return value
  }
}

extension MutableSpan<UInt8> {
  /// Stores `value` at byte `offset` in little-endian order; false where it would reach past either end.
  @inlinable @inline(__always)
  public mutating func setLittleEndian<Value: FixedWidthInteger & UnsignedInteger>(
    _ value: Value, at offset: Int
  ) -> Bool {
    let width = Value.bitWidth / 8
    guard offset >= 0, count >= width, offset <= count - width else { return false }
    for index in 0..<width {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> Value(8 * index))
    }
    return true
  }
}
