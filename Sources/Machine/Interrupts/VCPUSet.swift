/// A set of vCPU indexes below 64 · `words`, iterated in rising order.
public struct VCPUSet<let words: Int>: Sequence, Sendable {
  private var bits = InlineArray<words, UInt64>(repeating: 0)

  public init() {}

  public static var capacity: Int { words * 64 }

  @inline(__always)
  public var isEmpty: Bool { first == nil }

  @inline(__always)
  public var first: Int? { first(from: 0) }

  /// The lowest member that is not below `start`.
  @inline(__always)
  public func first(from start: Int) -> Int? {
    guard start >= 0, start < Self.capacity else { return nil }
    var word = start >> 6
    var rest = bits[word] & (UInt64.max << UInt64(start & 63))
    while rest == 0 {
      word += 1
      guard word < words else { return nil }
      rest = bits[word]
    }
    return word << 6 | rest.trailingZeroBitCount
  }

  /// False for every index that the set has no place for.
  @inline(__always)
  public func contains(_ index: Int) -> Bool {
    guard index >= 0, index < Self.capacity else { return false }
    return bits[index >> 6] >> UInt64(index & 63) & 1 != 0
  }

  /// Puts `index` in or takes it out; ignored where the set has no place for it.
  @inline(__always)
  public mutating func set(_ index: Int, to isMember: Bool) {
    guard index >= 0, index < Self.capacity else { return }
    let bit: UInt64 = 1 << UInt64(index & 63)
    if isMember { bits[index >> 6] |= bit } else { bits[index >> 6] &= ~bit }
  }

  public struct Iterator: IteratorProtocol {
    fileprivate let set: VCPUSet
    fileprivate var position = 0

    @inline(__always)
    public mutating func next() -> Int? {
      guard let member = set.first(from: position) else { return nil }
      position = member + 1
      return member
    }
  }

  public func makeIterator() -> Iterator { Iterator(set: self) }
}
