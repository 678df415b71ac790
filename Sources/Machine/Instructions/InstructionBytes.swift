/// The bytes that stand at a guest's instruction pointer, as far as they could be fetched.
public struct InstructionBytes: Equatable, Sendable {
  /// No instruction is longer (SDM Vol. 2A, 2.3.11).
  public static let capacity = 15

  private var bytes: InlineArray<15, UInt8>
  public let count: Int

  /// The first `count` of `bytes`; a count beyond `capacity` means all of them.
  public init(_ bytes: InlineArray<15, UInt8>, count: Int) {
    self.bytes = bytes
    self.count = min(max(count, 0), Self.capacity)
  }

  /// The byte at `index`, or nil where no byte was fetched.
  @inline(__always)
  public subscript(index: Int) -> UInt8? {
    index >= 0 && index < count ? bytes[index] : nil
  }

  public static func == (left: Self, right: Self) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<left.count where left.bytes[index] != right.bytes[index] { return false }
    return true
  }
}
