// Fields of frames and bodies, one function for each width. Whoever reads or stores one has checked the length of the
// whole; a field beyond the end traps.
//
// `unsafe` says here no more than that the types differ: the library checks the bounds, any eight bytes are a UInt64, and
// any bytes that are stored are UInt8s. Put together byte by byte, a field takes a dozen instructions in place of one.

extension Span<UInt8> {
  @inline(__always)
  package func uint16(at offset: Int) -> UInt16 {
    UInt16(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  @inline(__always)
  package func uint32(at offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inlinable @inline(__always)
  public func uint64(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

extension MutableSpan<UInt8> {
  @inline(__always)
  package mutating func put(_ value: UInt8, at offset: Int) { self[offset] = value }

  @inline(__always)
  package mutating func put(_ value: UInt16, at offset: Int) {
    var bytes = unsafe mutableBytes
    bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
  }

  @inline(__always)
  package mutating func put(_ value: UInt32, at offset: Int) {
    var bytes = unsafe mutableBytes
    bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
  }

  @inline(__always)
  package mutating func put(_ value: UInt64, at offset: Int) {
    var bytes = unsafe mutableBytes
    bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
  }
}
