// AML, the byte code of definition blocks, as far as declarations need it: scopes, devices and named
// objects (ACPI 6.5, 20.2). A definition block is built as a value, a tree of `AMLTerm`, and encoded at once
// from the leaves up, because what encloses something is preceded by its length, whose own size depends on
// it. Every object takes the shortest encoding there is, as a compiler would choose it.

/// A name of four characters: A–Z, 0–9 and _, with no digit in front (ACPI 6.5, 20.2.2).
struct AMLName: ExpressibleByStringLiteral {
  let bytes: [UInt8]

  /// A name of up to four characters; underscores fill it up.
  init(stringLiteral literal: String) {
    let characters = Array(literal.utf8.prefix(4))
    bytes = characters + Array(repeating: UInt8(ascii: "_"), count: 4 - characters.count)
  }

  /// The character `letter` followed by three hexadecimal digits of `index`, which is below 4096.
  init(_ letter: Unicode.Scalar, index: Int) {
    bytes =
      [UInt8(ascii: letter)]
      + [8, 4, 0].map { shift in
        let digit = UInt8(truncatingIfNeeded: index >> shift) & 0xF
        return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + (digit - 10)
      }
  }
}

/// A declaration.
enum AMLTerm {
  case scope(AMLName, [AMLTerm])
  case device(AMLName, [AMLTerm])
  case name(AMLName, AMLObject)

  var bytes: [UInt8] {
    switch self {
    case .scope(let name, let terms):
      [0x10] + packageLength(name.bytes + terms.flatMap { $0.bytes })
    case .device(let name, let terms):
      [0x5B, 0x82] + packageLength(name.bytes + terms.flatMap { $0.bytes })
    case .name(let name, let object):
      [0x08] + name.bytes + object.bytes
    }
  }
}

/// A constant that a name stands for.
enum AMLObject {
  case integer(UInt32)
  case string(String)
  /// At most 255 integers.
  case package([UInt32])
  case buffer([UInt8])

  /// The compressed EISA id PNP*xxxx*, where *xxxx* are the hexadecimal digits of `product`
  /// (ACPI 6.5, 6.1.5).
  static func plugAndPlayID(_ product: UInt16) -> Self {
    .integer(0xD041 | UInt32(product.byteSwapped) << 16)
  }

  /// The resource template of a device with these I/O ports, decoded in 16 bits, and this edge-triggered,
  /// active-high ISA interrupt below 16 (ACPI 6.5, 6.4.2.5 and 6.4.2.1).
  static func resources(ports: Range<UInt16>, irq: UInt8) -> Self {
    let base = ports.lowerBound.littleEndianBytes
    let mask = (UInt16(1) << irq).littleEndianBytes
    return .buffer(
      [0x47, 1] + base + base + [1, UInt8(truncatingIfNeeded: ports.count)]
        + [0x22] + mask
        + [0x79, 0])  // end tag, not checksummed
  }

  var bytes: [UInt8] {
    switch self {
    case .integer(0): [0x00]
    case .integer(1): [0x01]
    case .integer(let value) where value <= 0xFF: [0x0A, UInt8(value)]
    case .integer(let value) where value <= 0xFFFF: [0x0B] + UInt16(value).littleEndianBytes
    case .integer(let value): [0x0C] + value.littleEndianBytes
    case .string(let text): [0x0D] + text.utf8 + [0]
    case .package(let values):
      [0x12]
        + packageLength(
          [UInt8(truncatingIfNeeded: values.count)] + values.flatMap { Self.integer($0).bytes })
    case .buffer(let contents):
      [0x11]
        + packageLength(AMLObject.integer(UInt32(truncatingIfNeeded: contents.count)).bytes + contents)
    }
  }
}

/// `contents`, preceded by the length of both (ACPI 6.5, 20.2.4): either one byte, or its low four bits in
/// the first and eight more in each of one to three others, which the first byte's top bits count.
private func packageLength(_ contents: [UInt8]) -> [UInt8] {
  let short = contents.count + 1
  guard short > 0x3F else { return [UInt8(short)] + contents }
  var extra = 1
  while (contents.count + 1 + extra) >> (4 + 8 * extra) != 0 { extra += 1 }
  let length = contents.count + 1 + extra
  return [UInt8(extra << 6 | length & 0xF)]
    + (0..<extra).map { UInt8(truncatingIfNeeded: length >> (4 + 8 * $0)) }
    + contents
}
