/// Bytes that are compared more often than they change.
struct HashedBytes: Equatable {
  private(set) var bytes: [UInt8]
  private(set) var hash: StateHash

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    hash = Self.hash(bytes)
  }

  /// A page with the same byte all over.
  init(page byte: UInt8) { self.init([UInt8](repeating: byte, count: 4096)) }

  static let zeroPage = HashedBytes(page: 0)

  static func == (left: Self, right: Self) -> Bool { left.hash == right.hash }

  mutating func change(_ body: (inout [UInt8]) -> Void) {
    body(&bytes)
    hash = Self.hash(bytes)
  }

  private static func hash(_ bytes: [UInt8]) -> StateHash {
    var hash = StateHash()
    var index = 0
    while index < bytes.count {
      var word: UInt64 = 0
      for byte in index..<min(index + 8, bytes.count) { word = word << 8 | UInt64(bytes[byte]) }
      hash.add(word)
      index += 8
    }
    hash.add(UInt64(bytes.count))
    return hash
  }
}
