extension Command {
  /// Round trips that one `ping` may ask for.
  public static var pingCounts: ClosedRange<Int> { 1...10_000 }

  /// The command in a line of words between blanks; nil where the line is empty.
  ///
  /// - Parameter pingSizes: how many bytes a ping can have.
  public init?(_ line: Span<UInt8>, pingSizes: ClosedRange<Int>) throws(CommandError) {
    var words = Words()
    var position = 0
    while let word = Self.nextWord(in: line, from: position) {
      words.append(word)
      position = word.upperBound
    }
    guard words.count > 0 else { return nil }
    guard let name = CommandName(line.extracting(words[0])) else { throw .unknown }
    func check(_ counts: ClosedRange<Int>) throws(CommandError) {
      guard counts.contains(words.count - 1) else { throw .arguments(name) }
    }
    func number(_ argument: Int, _ range: ClosedRange<Int>, default fallback: Int?) throws(CommandError)
      -> Int
    {
      if argument >= words.count, let fallback { return fallback }
      guard let value = Self.number(line.extracting(words[argument])), range.contains(value) else {
        throw .number(argument: argument, range)
      }
      return value
    }
    try check(name == .ping ? 1...3 : 0...0)
    switch name {
    case .help: self = .help
    case .nodes: self = .nodes
    case .net: self = .net
    case .clock: self = .clock
    case .shutdown: self = .shutdown
    case .ping:
      self = .ping(
        node: UInt16(try number(1, 0...255, default: nil)),
        count: try number(2, Self.pingCounts, default: 10),
        size: try number(3, pingSizes, default: 64))
    }
  }

  /// The words of a line, at most eight; more are counted.
  private struct Words {
    private var ranges = InlineArray<8, Range<Int>>(repeating: 0..<0)
    private(set) var count = 0

    mutating func append(_ range: Range<Int>) {
      if count < 8 { ranges[count] = range }
      count += 1
    }

    subscript(index: Int) -> Range<Int> { ranges[index] }
  }

  private static func nextWord(in line: Span<UInt8>, from position: Int) -> Range<Int>? {
    var start = position
    while start < line.count, line[start] == ASCII.space { start += 1 }
    guard start < line.count else { return nil }
    var end = start
    while end < line.count, line[end] != ASCII.space { end += 1 }
    return start..<end
  }

  /// The decimal number that `text` is; nil where it is none, or too large for any range here.
  private static func number(_ text: Span<UInt8>) -> Int? {
    guard text.count > 0, text.count <= 9 else { return nil }
    var value = 0
    for index in text.indices {
      let digit = text[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = 10 * value + Int(digit)
    }
    return value
  }
}

extension CommandName {
  fileprivate init?(_ word: Span<UInt8>) {
    let all = CommandDefinition.all
    for index in all.indices where all[index].name.hasBytes(word) {
      self.init(rawValue: index)
      return
    }
    return nil
  }
}

extension StaticString {
  fileprivate func hasBytes(_ bytes: Span<UInt8>) -> Bool {
    withUTF8Buffer { text in
      guard text.count == bytes.count else { return false }
      for index in bytes.indices where unsafe text[index] != bytes[index] { return false }
      return true
    }
  }
}
