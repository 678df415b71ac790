/// A first-in, first-out queue of at most `capacity` bytes.
struct ByteQueue<let capacity: Int>: Sendable {
  private var bytes = InlineArray<capacity, UInt8>(repeating: 0)
  private var first = 0
  private(set) var count = 0

  @inline(__always)
  var isEmpty: Bool { count == 0 }

  /// How many more bytes fit.
  @inline(__always)
  var room: Int { capacity - count }

  /// Appends a byte; false where the queue is full.
  mutating func append(_ byte: UInt8) -> Bool {
    guard count < capacity else { return false }
    bytes[(first + count) % capacity] = byte
    count += 1
    return true
  }

  mutating func popFirst() -> UInt8? {
    guard count > 0 else { return nil }
    let byte = bytes[first]
    first = (first + 1) % capacity
    count -= 1
    return byte
  }

  mutating func removeAll() {
    first = 0
    count = 0
  }
}
