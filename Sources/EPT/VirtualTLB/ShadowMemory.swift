import Memory

/// The run of frames that one virtual TLB lives in, tables and reverse map together: on a node its RAM, in a test
/// an array. Whatever it holds at first is overwritten.
///
/// It lies below 4 GiB, for outside long mode CR3 names a root with 32 bits.
public protocol ShadowMemory: ~Copyable {
  /// The first byte of the first frame.
  var base: HostPhysicalAddress { get }

  var frameCount: Int { get }

  /// The 8-byte word at `base` + 8 · `index`; the index lies within the frames.
  func read(_ index: Int) -> UInt64

  /// Stores a word.
  ///
  /// A core may walk the tables meanwhile: it is one 64-bit store, visible after every earlier one.
  mutating func write(_ word: UInt64, at index: Int)
}
