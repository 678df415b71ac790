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
    let words = bytes.count / 8
    unsafe bytes.withUnsafeBytes { bytes in
      for word in 0..<words {
        hash.add(unsafe bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self))
      }
    }
    for index in 8 * words..<bytes.count { hash.add(UInt64(bytes[index])) }
    hash.add(UInt64(bytes.count))
    return hash
  }
}
