import Memory

/// Guest memory for host tests: one array of bytes that starts at GPA 0; everything above is a hole.
public struct ArrayGuestMemory: GuestMemory {
  public var bytes: [UInt8]

  public init(count: Int) { bytes = [UInt8](repeating: 0, count: count) }

  private func range(_ address: GuestPhysicalAddress, _ count: Int) throws(GuestMemoryError) -> Range<Int> {
    let (end, overflow) = address.value.addingReportingOverflow(UInt64(count))
    guard !overflow, end <= UInt64(bytes.count) else { throw .hole(address) }
    return Int(address.value)..<Int(end)
  }

  public mutating func read(
    _ address: GuestPhysicalAddress, count: Int, into destination: inout MutableSpan<UInt8>
  ) throws(GuestMemoryError) {
    let source = try range(address, count)
    for index in 0..<count { destination[index] = bytes[source.lowerBound + index] }
  }

  public mutating func write(
    _ source: Span<UInt8>, to address: GuestPhysicalAddress
  ) throws(GuestMemoryError) {
    let destination = try range(address, source.count)
    for index in 0..<source.count { bytes[destination.lowerBound + index] = source[index] }
  }

  public mutating func clear(_ address: GuestPhysicalAddress, count: UInt64) throws(GuestMemoryError) {
    guard count <= UInt64(bytes.count) else { throw .hole(address) }
    for index in try range(address, Int(count)) { bytes[index] = 0 }
  }
}
