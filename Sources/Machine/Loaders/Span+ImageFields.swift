import Memory

// What a kernel's headers say about the image, read so that a bad offset is an error.
extension Span<UInt8> {
  /// The little-endian integer at byte `offset`; throws where the image ends before it does.
  func field<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, at offset: Int
  ) throws(LoaderError) -> Value {
    guard let value = littleEndian(type, at: offset) else {
      throw .truncated(needed: UInt64(offset) + UInt64(Value.bitWidth / 8), available: UInt64(count))
    }
    return value
  }

  /// Throws where the image does not hold all of the `size` bytes at `offset`.
  func require(_ size: UInt64, at offset: UInt64) throws(LoaderError) {
    let (end, overflow) = offset.addingReportingOverflow(size)
    guard !overflow, end <= UInt64(count) else {
      throw .truncated(needed: overflow ? .max : end, available: UInt64(count))
    }
  }
}
