extension KernelOption.Kind {
  /// What stands for the value in a description: the words, `N` or `SIZE`, and the least and the most of it.
  public func writePlaceholder(_ write: (UInt8) -> Void) {
    switch self {
    case .word(let words):
      words.forEachByte(write)
    case .number(let range):
      "N (".forEachByte(write)
      writeRange(range, write)
      ")".forEachByte(write)
    case .size(let range):
      "SIZE (".forEachByte(write)
      writeRange(range, write)
      ")".forEachByte(write)
    }
  }

  private func writeRange(_ range: ClosedRange<UInt64>, _ write: (UInt8) -> Void) {
    writeAmount(range.lowerBound, write)
    " to ".forEachByte(write)
    writeAmount(range.upperBound, write)
  }

  private func writeAmount(_ value: UInt64, _ write: (UInt8) -> Void) {
    guard case .size = self, value != 0 else { return value.forEachDigit(write) }
    let exponent = min(value.trailingZeroBitCount / 10, 4)
    (value >> UInt64(10 * exponent)).forEachDigit(write)
    switch exponent {
    case 1: "K".forEachByte(write)
    case 2: "M".forEachByte(write)
    case 3: "G".forEachByte(write)
    case 4: "T".forEachByte(write)
    default: break
    }
  }
}

extension KernelOptions.Problem {
  /// Hands what is wrong to `write` byte by byte, without the word that it is about.
  public func writeReason(_ write: (UInt8) -> Void) {
    switch reason {
    case .unknownKey:
      "no such option".forEachByte(write)
    case .unterminatedQuote:
      "a quote is not closed".forEachByte(write)
    case .missingValue(let option):
      "no value: it must be ".forEachByte(write)
      option.definition.kind.writePlaceholder(write)
    case .malformedValue(let option):
      "the value must be ".forEachByte(write)
      option.definition.kind.writePlaceholder(write)
    case .outOfRange(let option):
      "out of range: the value must be ".forEachByte(write)
      option.definition.kind.writePlaceholder(write)
    }
  }
}

extension String {
  func forEachByte(_ body: (UInt8) -> Void) {
    let bytes = utf8.span
    for index in bytes.indices { body(bytes[index]) }
  }

  func hasBytes(_ other: Span<UInt8>) -> Bool {
    let bytes = utf8.span
    guard bytes.count == other.count else { return false }
    for index in bytes.indices where bytes[index] != other[index] { return false }
    return true
  }
}

extension UInt64 {
  /// Its decimal digits, the first one first.
  func forEachDigit(_ body: (UInt8) -> Void) {
    var divisor: UInt64 = 1
    while self / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      body(UInt8(ascii: "0") + UInt8(self / divisor % 10))
      divisor /= 10
    }
  }
}
