// Fields of frames and bodies. Whoever reads or stores one has checked the length of the whole; a field beyond the end
// traps. Not generic: builds without optimisation, in which tests run, would pay a hundredfold for that.

extension Span<UInt8> {
  /// The little-endian number in the `count` bytes from `offset` on.
  @inline(__always)
  private func number(_ count: Int, at offset: Int) -> UInt64 {
    var value: UInt64 = 0
    var index = 0
    while index < count {
      value |= UInt64(self[offset + index]) << UInt64(8 * index)
      index += 1
    }
    return value
  }

  @inline(__always)
  func uint16(at offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(2, at: offset)) }

  @inline(__always)
  func uint32(at offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(4, at: offset)) }

  @inline(__always)
  func uint64(at offset: Int) -> UInt64 { number(8, at: offset) }
}

extension MutableSpan<UInt8> {
  /// Stores the lowest `count` bytes of `value` from `offset` on, the lowest first.
  @inline(__always)
  private mutating func put(_ value: UInt64, _ count: Int, at offset: Int) {
    var index = 0
    while index < count {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
      index += 1
    }
  }

  @inline(__always)
  mutating func put(_ value: UInt8, at offset: Int) { self[offset] = value }

  @inline(__always)
  mutating func put(_ value: UInt16, at offset: Int) { put(UInt64(value), 2, at: offset) }

  @inline(__always)
  mutating func put(_ value: UInt32, at offset: Int) { put(UInt64(value), 4, at: offset) }

  @inline(__always)
  mutating func put(_ value: UInt64, at offset: Int) { put(value, 8, at: offset) }
}
