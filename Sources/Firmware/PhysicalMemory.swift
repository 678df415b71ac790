import Memory

/// Physical memory as the readers of boot and firmware structures see it: one byte at a time, at any
/// address that such a structure may name.
///
/// These structures are small and read once, so a byte is wide enough; it frees every reader from
/// alignment and from ranges that are readable in part only.
public protocol PhysicalMemory {
  /// The byte at `address`, or nil where nothing readable stands.
  func byte(at address: HostPhysicalAddress) -> UInt8?
}

extension PhysicalMemory {
  /// The little-endian integer at `address`, or nil where one of its bytes cannot be read.
  @inlinable
  public func load<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, at address: HostPhysicalAddress
  ) -> Value? {
    var value: Value = 0
    for index in 0..<UInt64(Value.bitWidth / 8) {
      let (location, overflow) = address.value.addingReportingOverflow(index)
      guard !overflow, let byte = byte(at: HostPhysicalAddress(location)) else { return nil }
      value |= Value(truncatingIfNeeded: byte) << Value(8 * index)
    }
    return value
  }
}

extension Range<HostPhysicalAddress> {
  /// The range of `count` bytes from `address` on, or nil where it would pass the end of the address space.
  @inlinable
  public init?(_ address: HostPhysicalAddress, count: UInt64) {
    let (end, overflow) = address.value.addingReportingOverflow(count)
    guard !overflow else { return nil }
    self = address..<HostPhysicalAddress(end)
  }

  /// Number of bytes.
  @inlinable
  public var byteCount: UInt64 { upperBound.value - lowerBound.value }
}
