/// Why guest memory could not be read or written.
public enum GuestMemoryError: Error, Equatable {
  /// No RAM stands behind this guest-physical address; or, where nodes share the guest's memory, this one may not make the
  /// access unless it acquires the page first.
  case hole(GuestPhysicalAddress)
}

/// Guest-physical memory as the hyperkernel itself reads and writes it (loaders, device models, the
/// instruction decoder).
///
/// An access may cross pages and either completes or throws before it has changed anything.
/// Reading is `mutating` because it may have to acquire the page first.
public protocol GuestMemory: ~Copyable {
  /// Copies `count` bytes of guest memory that start at `address` to the first `count` of `bytes`,
  /// which has room for them.
  mutating func read(
    _ address: GuestPhysicalAddress, count: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(GuestMemoryError)

  /// Copies `bytes` to guest memory that starts at `address`.
  mutating func write(
    _ bytes: Span<UInt8>, to address: GuestPhysicalAddress
  ) throws(GuestMemoryError)

  /// Zeroes `count` bytes that start at `address`.
  mutating func clear(_ address: GuestPhysicalAddress, count: UInt64) throws(GuestMemoryError)
}

extension GuestMemory where Self: ~Copyable {
  /// Reads one little-endian integer.
  @inlinable
  public mutating func load<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, at address: GuestPhysicalAddress
  ) throws(GuestMemoryError) -> Value {
    var bytes = InlineArray<8, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    try read(address, count: Value.bitWidth / 8, into: &span)
    return Value(truncatingIfNeeded: bytes.span.littleEndian(UInt64.self, at: 0)!)
  }

  /// Writes one little-endian integer.
  @inlinable
  public mutating func store<Value: FixedWidthInteger & UnsignedInteger>(
    _ value: Value, at address: GuestPhysicalAddress
  ) throws(GuestMemoryError) {
    var bytes = InlineArray<8, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    _ = span.setLittleEndian(UInt64(truncatingIfNeeded: value), at: 0)
    try write(bytes.span.extracting(first: Value.bitWidth / 8), to: address)
  }
}
