// Fields of a word of eight bytes, counted from its lowest bit: in little-endian order, the first byte's.

extension UInt64 {
  @inline(__always)
  func bits(from start: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: self &>> start) }

  @inline(__always)
  func bits(from start: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: self &>> start) }

  @inline(__always)
  mutating func setBits(from start: UInt64, to value: UInt16) {
    self = self & ~(0xFFFF &<< start) | UInt64(value) &<< start
  }

  @inline(__always)
  mutating func setBits(from start: UInt64, to value: UInt32) {
    self = self & ~(0xFFFF_FFFF &<< start) | UInt64(value) &<< start
  }
}
