import Ethernet

extension Span<UInt8> {
  /// The address at `offset`, where there are six bytes.
  @inline(__always)
  func macAddress(at offset: Int) -> MACAddress {
    let first = uint32(at: offset).byteSwapped
    let last = uint16(at: offset + 4).byteSwapped
    return MACAddress(UInt64(first) << 16 | UInt64(last))
  }
}

extension MutableSpan<UInt8> {
  /// Stores `address` at `offset`, where there is room for six bytes.
  @inline(__always)
  mutating func put(_ address: MACAddress, at offset: Int) {
    put(UInt32(truncatingIfNeeded: address.value >> 16).byteSwapped, at: offset)
    put(UInt16(truncatingIfNeeded: address.value).byteSwapped, at: offset + 4)
  }
}
