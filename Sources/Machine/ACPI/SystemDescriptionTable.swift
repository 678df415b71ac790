/// One table in the making: the header that all tables share, then fields in the order of the
/// specification (ACPI 6.5, 5.2.6).
struct SystemDescriptionTable {
  private var bytes: [UInt8]

  /// Appends the header of a table whose 4-character signature is `signature`.
  init(_ signature: String, revision: UInt8) {
    bytes = Array(signature.utf8)
    append(UInt32(0))  // length
    append(revision)
    append(UInt8(0))  // checksum
    append("BIGIRNBIGIRON ".utf8)  // OEM id, OEM table id
    append(UInt32(1))  // OEM revision
    append("BIGI".utf8)  // creator id
    append(UInt32(1))  // creator revision
  }

  mutating func append<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
    bytes += value.littleEndianBytes
  }

  mutating func append(_ newBytes: some Sequence<UInt8>) {
    bytes += newBytes
  }

  /// Appends reserved bytes and fields that do not apply.
  mutating func appendZeros(_ count: Int) {
    for _ in 0..<count { bytes.append(0) }
  }

  /// Appends zeros up to byte `offset` of the table, which is not behind its end.
  mutating func skip(to offset: Int) {
    appendZeros(offset - bytes.count)
  }

  /// Appends a generic address structure: an I/O port of 1, 2 or 4 bytes (ACPI 6.5, 5.2.3.2).
  mutating func appendPort(_ port: UInt16, width: Int) {
    append(UInt8(1))  // address space: system I/O
    append(UInt8(8 * width))
    append(UInt8(0))  // bit offset
    append(UInt8(width.trailingZeroBitCount + 1))  // access size: byte, word, dword
    append(UInt64(port))
  }

  /// The bytes of the finished table, with its length and checksum.
  func finished() -> [UInt8] {
    var table = bytes
    table.replaceSubrange(4..<8, with: UInt32(truncatingIfNeeded: table.count).littleEndianBytes)
    table[9] = table.span.checksum
    return table
  }
}

extension Span<UInt8> {
  /// The byte that makes the sum of this span, taken with it, a multiple of 256.
  var checksum: UInt8 {
    var sum: UInt8 = 0
    for index in indices { sum &+= self[index] }
    return 0 &- sum
  }
}
