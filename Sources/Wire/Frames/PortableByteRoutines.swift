// CRC32C eight bytes at a time ("slicing-by-8"): the CRC is linear, so what the eight bytes contribute is the sum of
// what each contributes alone, at its distance from the end. Table k holds, for each byte, its CRC with k zero bytes
// after it.

/// The byte routines in plain Swift.
public struct PortableByteRoutines: ByteRoutines, Sendable {
  /// Eight tables of 256 entries.
  private let tables: [UInt32]

  /// Computes the tables: once, at start.
  public init() {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var register = UInt32(byte)
      for _ in 0..<8 { register = register >> 1 ^ (register & 1 == 0 ? 0 : 0x82F6_3B78) }
      tables[byte] = register
    }
    for index in 256..<8 * 256 {
      let before = tables[index - 256]
      tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
    }
    self.tables = tables
  }

  public func crc32c(_ register: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    var register = register
    var index = 0
    while index <= bytes.count - 8 {
      register = crc32c(register, bytes.uint64(at: index))
      index += 8
    }
    while index < bytes.count {
      register = register >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: register) ^ bytes[index])]
      index += 1
    }
    return register
  }

  public func crc32c(_ register: UInt32, _ word: UInt64) -> UInt32 {
    let tables = tables.span
    let word = word ^ UInt64(register)
    var register = tables[7 << 8 | Int(word & 0xFF)] ^ tables[6 << 8 | Int(word >> 8 & 0xFF)]
    register ^= tables[5 << 8 | Int(word >> 16 & 0xFF)] ^ tables[4 << 8 | Int(word >> 24 & 0xFF)]
    register ^= tables[3 << 8 | Int(word >> 32 & 0xFF)] ^ tables[2 << 8 | Int(word >> 40 & 0xFF)]
    return register ^ tables[1 << 8 | Int(word >> 48 & 0xFF)] ^ tables[Int(word >> 56)]
  }

  public func copy(_ source: Span<UInt8>, to target: inout MutableSpan<UInt8>, at offset: Int) {
    for index in 0..<source.count { target[offset + index] = source[index] }
  }
}
