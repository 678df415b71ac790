import Memory

/// Frames of 4 KiB as the engine reads and writes them: on a node its RAM, in a test an array.
public protocol PageMemory: ~Copyable {
  /// The 4 KiB at `frame`, which belongs to the engine.
  @_lifetime(borrow self)
  func bytes(of frame: HostPhysicalAddress) -> Span<UInt8>

  /// The 4 KiB at `frame`, which belongs to the engine.
  @_lifetime(&self)
  mutating func mutableBytes(of frame: HostPhysicalAddress) -> MutableSpan<UInt8>
}
