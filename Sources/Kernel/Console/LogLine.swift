import Memory

/// One line of text, put together without the heap; what does not fit is cut off.
///
///     log.info("\(count) cores, \(hex: address)")
struct LogLine: ExpressibleByStringInterpolation {
  static let capacity = 224
  private(set) var bytes = InlineArray<224, UInt8>(repeating: 0)
  private(set) var count = 0

  init() {}
  init(stringLiteral value: StaticString) { append(value) }
  init(stringInterpolation: Interpolation) { self = stringInterpolation.line }

  struct Interpolation: StringInterpolationProtocol {
    typealias StringLiteralType = StaticString
    var line = LogLine()

    init(literalCapacity: Int, interpolationCount: Int) {}
    mutating func appendLiteral(_ literal: StaticString) { line.append(literal) }
    mutating func appendInterpolation(_ text: StaticString) { line.append(text) }
    mutating func appendInterpolation(_ value: some BinaryInteger) { line.append(decimal: value) }
    mutating func appendInterpolation(_ value: some BinaryInteger, width: Int) {
      line.append(decimal: value, width: width)
    }
    mutating func appendInterpolation(hex value: some FixedWidthInteger) {
      line.append("0x")
      line.append(hex: UInt64(truncatingIfNeeded: value), digits: 1)
    }
    mutating func appendInterpolation(hex value: some FixedWidthInteger, digits: Int) {
      line.append(hex: UInt64(truncatingIfNeeded: value), digits: digits)
    }
    mutating func appendInterpolation(text: borrowing Span<UInt8>) { line.append(text) }
    mutating func appendInterpolation(_ address: HostPhysicalAddress) {
      appendInterpolation(hex: address.value)
    }
    mutating func appendInterpolation(_ address: GuestPhysicalAddress) {
      appendInterpolation(hex: address.value)
    }
    mutating func appendInterpolation(line part: LogLine) {
      for index in 0..<part.count { line.append(byte: part[index]) }
    }
    mutating func appendInterpolation(megabytes value: UInt64) { line.append(decimal: value >> 20) }
  }

  subscript(index: Int) -> UInt8 { bytes[index] }

  mutating func append(byte: UInt8) {
    guard count < Self.capacity else { return }
    bytes[count] = byte
    count += 1
  }

  mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { buffer in
      for index in buffer.indices { append(byte: unsafe buffer[index]) }
    }
  }

  /// Text that somebody else wrote: what is not printable ASCII becomes a question mark.
  mutating func append(_ text: borrowing Span<UInt8>) {
    for index in text.indices {
      let byte = text[index]
      append(byte: byte >= 0x20 && byte < 0x7F ? byte : UInt8(ascii: "?"))
    }
  }

  mutating func append(decimal value: some BinaryInteger, width: Int = 0) {
    if value < 0 { append(byte: UInt8(ascii: "-")) }
    var rest = UInt64(value.magnitude)
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var used = 0
    repeat {
      digits[used] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
      used += 1
    } while rest != 0
    for _ in 0..<max(0, width - used) { append(byte: UInt8(ascii: " ")) }
    while used > 0 {
      used -= 1
      append(byte: digits[used])
    }
  }

  mutating func append(hex value: UInt64, digits: Int) {
    let significant = (64 - value.leadingZeroBitCount + 3) / 4
    var position = max(significant, digits, 1)
    while position > 0 {
      position -= 1
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64(4 * position)) & 0xF
      append(byte: nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
    }
  }
}
