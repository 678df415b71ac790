import Memory

/// A run of adjacent host-physical memory that processor and controller both read and write: on a node its RAM
/// (cached; a PC keeps its caches coherent with devices), in a test an array.
///
/// All offsets are in bytes from its start and lie within it; those of words are multiples of 8.
public protocol DMAMemory: ~Copyable {
  /// Where the controller finds the first byte.
  var address: HostPhysicalAddress { get }

  var count: Int { get }

  /// Reads a word of 8 bytes by a single load, before all later reads of this memory.
  func load(at offset: Int) -> UInt64

  /// Writes a word of 8 bytes by a single store, after all earlier reads and writes of this memory.
  mutating func store(_ word: UInt64, at offset: Int)

  /// Makes all earlier writes to this memory visible to the controller before any later write to its registers.
  func publish()

  @_lifetime(borrow self)
  func bytes(_ range: Range<Int>) -> Span<UInt8>

  @_lifetime(&self)
  mutating func mutableBytes(_ range: Range<Int>) -> MutableSpan<UInt8>
}
