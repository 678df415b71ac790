// Fields of frames and bodies, one function for each width. Whoever reads or stores one has checked the length of the
// whole; a field beyond the end traps. The one check in front lets the compiler make a single load or store of the
// bytes (a field of eight is cut out first, or each byte would be checked where the offset is no constant), and without
// generics tests, which run without optimisation, are quick as well.

extension Span<UInt8> {
  @inline(__always)
  func uint16(at offset: Int) -> UInt16 {
    precondition(offset >= 0 && offset <= count &- 2)
    return UInt16(self[offset]) | UInt16(self[offset &+ 1]) &<< 8
  }

  @inline(__always)
  func uint32(at offset: Int) -> UInt32 {
    precondition(offset >= 0 && offset <= count &- 4)
    let low = UInt32(self[offset]) | UInt32(self[offset &+ 1]) &<< 8
    return low | UInt32(self[offset &+ 2]) &<< 16 | UInt32(self[offset &+ 3]) &<< 24
  }

  @inlinable @inline(__always)
  public func uint64(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= count &- 8)
    let bytes = extracting(offset..<offset &+ 8)
    var value: UInt64 = 0
    var index = 0
    while index < 8 {
      value |= UInt64(bytes[index]) &<< UInt64(8 &* index)
      index &+= 1
    }
    return value
  }
}

extension MutableSpan<UInt8> {
  @inline(__always)
  mutating func put(_ value: UInt8, at offset: Int) { self[offset] = value }

  @inline(__always)
  mutating func put(_ value: UInt16, at offset: Int) {
    precondition(offset >= 0 && offset <= count &- 2)
    self[offset] = UInt8(truncatingIfNeeded: value)
    self[offset &+ 1] = UInt8(truncatingIfNeeded: value &>> 8)
  }

  @inline(__always)
  mutating func put(_ value: UInt32, at offset: Int) {
    precondition(offset >= 0 && offset <= count &- 4)
    self[offset] = UInt8(truncatingIfNeeded: value)
    self[offset &+ 1] = UInt8(truncatingIfNeeded: value &>> 8)
    self[offset &+ 2] = UInt8(truncatingIfNeeded: value &>> 16)
    self[offset &+ 3] = UInt8(truncatingIfNeeded: value &>> 24)
  }

  @inline(__always)
  mutating func put(_ value: UInt64, at offset: Int) {
    precondition(offset >= 0 && offset <= count &- 8)
    var bytes = _mutatingExtracting(offset..<offset &+ 8)
    var index = 0
    while index < 8 {
      bytes[index] = UInt8(truncatingIfNeeded: value &>> UInt64(8 &* index))
      index &+= 1
    }
  }
}
