// A command line is words between blanks, each `key=value`. A double quote begins or ends a stretch in which
// blanks count as text; quotes around a whole value are not part of it. The last of several words of one key
// wins. A word that says nothing sensible is reported and changes nothing.

extension KernelOptions {
  /// What `commandLine` asks for, beyond the defaults.
  ///
  /// Some boot loaders put the kernel's own path first, so a first word that looks like one (no equals sign; a
  /// slash in it, or GRUB's `(` before a device) is no problem.
  public init(_ commandLine: Span<UInt8>) {
    self.init()
    var isFirst = true
    var position = 0
    while let (word, isClosed) = Self.word(in: commandLine, from: position) {
      position = word.upperBound
      let bytes = commandLine.extracting(word)
      if !isClosed {
        report(word, .unterminatedQuote)
      } else if !(isFirst && Self.isPath(bytes)), let reason = take(bytes) {
        report(word, reason)
      }
      isFirst = false
    }
  }

  /// The next word at or after `position`, and whether each of its quotes is closed.
  private static func word(in bytes: Span<UInt8>, from position: Int) -> (range: Range<Int>, isClosed: Bool)?
  {
    var start = position
    while start < bytes.count, isBlank(bytes[start]) { start += 1 }
    guard start < bytes.count else { return nil }
    var end = start
    var isQuoted = false
    while end < bytes.count, isQuoted || !isBlank(bytes[end]) {
      if bytes[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
      end += 1
    }
    return (start..<end, !isQuoted)
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte)
  }

  private static func isPath(_ word: Span<UInt8>) -> Bool {
    word.firstIndex(of: UInt8(ascii: "=")) == nil
      && (word[0] == UInt8(ascii: "(") || word.firstIndex(of: UInt8(ascii: "/")) != nil)
  }

  /// Sets what `word` asks for, or says why it cannot.
  private mutating func take(_ word: Span<UInt8>) -> Problem.Reason? {
    let equals = word.firstIndex(of: UInt8(ascii: "="))
    guard let option = KernelOption(key: word.extracting(0..<(equals ?? word.count))) else {
      return .unknownKey
    }
    var value = (equals.map { $0 + 1 } ?? word.count)..<word.count
    let quote = UInt8(ascii: "\"")
    if value.count >= 2, word[value.lowerBound] == quote, word[value.upperBound - 1] == quote {
      value = value.lowerBound + 1..<value.upperBound - 1
    }
    guard !value.isEmpty else { return .missingValue(option) }
    switch option.definition.kind.parse(word.extracting(value)) {
    case .value(let value): set(option, to: value)
    case .malformed: return .malformedValue(option)
    case .outOfRange: return .outOfRange(option)
    }
    return nil
  }
}

extension KernelOption.Kind {
  enum Result {
    case value(UInt64)
    case malformed
    case outOfRange
  }

  /// The value that `text` stands for; a word's is its place among the words.
  func parse(_ text: Span<UInt8>) -> Result {
    switch self {
    case .word(let words):
      guard let index = words.index(ofWord: text) else { return .malformed }
      return .value(index)
    case .number(let range):
      return Self.parse(digits: text, unit: 1, range)
    case .size(let range):
      guard let unit = Self.unit(text[text.count - 1]) else {
        return Self.parse(digits: text, unit: 1, range)
      }
      return Self.parse(digits: text.extracting(droppingLast: 1), unit: unit, range)
    }
  }

  private static func unit(_ suffix: UInt8) -> UInt64? {
    switch suffix {
    case UInt8(ascii: "K"), UInt8(ascii: "k"): 1 << 10
    case UInt8(ascii: "M"), UInt8(ascii: "m"): 1 << 20
    case UInt8(ascii: "G"), UInt8(ascii: "g"): 1 << 30
    case UInt8(ascii: "T"), UInt8(ascii: "t"): 1 << 40
    default: nil
    }
  }

  private static func parse(digits: Span<UInt8>, unit: UInt64, _ range: ClosedRange<UInt64>) -> Result {
    guard !digits.isEmpty else { return .malformed }
    var value: UInt64 = 0
    var isTooLarge = false
    for index in digits.indices {
      let digit = digits[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return .malformed }
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
      isTooLarge = isTooLarge || overflow || carry
      value = sum
    }
    let (bytes, overflow) = value.multipliedReportingOverflow(by: unit)
    return isTooLarge || overflow || !range.contains(bytes) ? .outOfRange : .value(bytes)
  }
}

extension Span<UInt8> {
  fileprivate func firstIndex(of byte: UInt8) -> Int? {
    for index in indices where self[index] == byte { return index }
    return nil
  }
}

extension String {
  /// The place of `word` among the words that bars part in this text.
  fileprivate func index(ofWord word: Span<UInt8>) -> UInt64? {
    var place: UInt64 = 0
    var matched: Int? = 0
    let words = utf8.span
    for position in words.indices {
      if words[position] == UInt8(ascii: "|") {
        if matched == word.count { return place }
        place += 1
        matched = 0
      } else if let index = matched {
        matched = index < word.count && word[index] == words[position] ? index + 1 : nil
      }
    }
    return matched == word.count ? place : nil
  }
}
