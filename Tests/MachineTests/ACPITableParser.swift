import Machine
import Memory
import Testing

/// One table as a guest sees it.
struct ACPITable {
  let address: UInt64
  let bytes: [UInt8]

  var signature: String { String(decoding: bytes.prefix(4), as: UTF8.self) }

  func field<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, at offset: Int) throws -> Value {
    let value = bytes.span.littleEndian(type, at: offset)
    return try #require(value)
  }

  /// The structures that follow each other from `offset` to the end, where each states its type and its
  /// length (of `Length`) at these offsets.
  func structures<Length: FixedWidthInteger & UnsignedInteger>(
    from offset: Int, length: Length.Type = UInt8.self, lengthOffset: Int = 1
  ) throws -> [ACPITable] {
    var structures: [ACPITable] = []
    var start = offset
    while start < bytes.count {
      let count = Int(try field(length, at: start + lengthOffset))
      try #require(count > 0 && start + count <= bytes.count)
      structures.append(
        ACPITable(address: address + UInt64(start), bytes: Array(bytes[start..<start + count])))
      start += count
    }
    return structures
  }
}

/// Follows the pointers of a block of tables from the root on and checks what all tables have in common.
struct ACPITableParser {
  let block: [UInt8]
  /// The XSDT, the tables that it lists, and the DSDT, in this order.
  private(set) var tables: [ACPITable] = []

  init(_ machine: MachineDescription) throws {
    block = try ACPITables.build(machine)
    let root = ACPITable(address: ACPITables.address.value, bytes: Array(block.prefix(36)))
    let xsdt = try table(at: root.field(UInt64.self, at: 24))
    tables.append(xsdt)
    for offset in stride(from: 36, to: xsdt.bytes.count, by: 8) {
      tables.append(try table(at: xsdt.field(UInt64.self, at: offset)))
    }
    tables.append(try table(at: self["FACP"].field(UInt64.self, at: 140)))
  }

  subscript(signature: String) -> ACPITable {
    get throws { try #require(tables.first { $0.signature == signature }) }
  }

  private func table(at address: UInt64) throws -> ACPITable {
    try #require(address >= ACPITables.address.value)
    let start = Int(address - ACPITables.address.value)
    let stated = block.span.littleEndian(UInt32.self, at: start + 4)
    let length = Int(try #require(stated))
    try #require(length >= 36 && start + length <= block.count)
    return ACPITable(address: address, bytes: Array(block[start..<start + length]))
  }
}

/// The sum that a checksum makes zero.
func sum(_ bytes: some Sequence<UInt8>) -> UInt8 { bytes.reduce(0, &+) }
