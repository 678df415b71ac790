/// A row of 64-bit words that its user provides and nobody else touches.
public protocol WordStorage: ~Copyable {
  var count: Int { get }

  /// The word at `index`, which is at least 0 and below `count`.
  subscript(index: Int) -> UInt64 { get set }
}
