import Memory

/// A kernel's command line as it goes to guest memory: the user's, and for a Linux that cannot learn its TSC's
/// rate by itself, a word that tells it.
///
/// Words are told apart as Linux does it (lib/cmdline.c, `next_arg`; kernel/params.c): white space divides them
/// unless it is quoted, `-` and `_` are one in a name, and what follows the word `--` is not for the kernel.
struct KernelCommandLine: ~Escapable {
  private let text: Span<UInt8>
  /// A word and a space.
  private var addition = InlineArray<32, UInt8>(repeating: 0)
  private var additionCount = 0
  /// Where in the text it goes.
  private var additionOffset = 0

  @_lifetime(copy text)
  init(_ text: Span<UInt8>) { self.text = text }

  /// In bytes, the terminator not counted.
  var count: Int { text.count + additionCount }

  /// Adds `tsc_early_khz=` (Linux, Documentation/admin-guide/kernel-parameters.txt), unless the user has given one
  /// himself or the line would become longer than `limit`.
  mutating func addLinuxTSC(_ frequency: TSCFrequency, limit: Int) {
    guard let offset = endOfKernelWords() else { return }
    let isAtEnd = offset == text.count
    if isAtEnd && offset > 0 { append(Self.space) }
    for byte in "tsc_early_khz=".utf8 { append(byte) }
    append(decimal: (frequency.hertz + 500) / 1000)
    if !isAtEnd { append(Self.space) }
    additionOffset = offset
    if count > limit { additionCount = 0 }
  }

  func store<RAM: GuestMemory & ~Copyable>(to memory: inout RAM) throws(GuestMemoryError) {
    let start = GuestPhysicalAddress(BootLayout.commandLine.lowerBound)
    let middle = start + UInt64(additionOffset)
    let rest = middle + UInt64(additionCount)
    try memory.write(text.extracting(..<additionOffset), to: start)
    for index in 0..<additionCount { try memory.store(addition[index], at: middle + UInt64(index)) }
    try memory.write(text.extracting(additionOffset...), to: rest)
    try memory.store(UInt8(0), at: start + UInt64(count))
  }

  private static let space = UInt8(ascii: " ")
  private static let quote = UInt8(ascii: "\"")

  /// Where the last word that the kernel looks at ends; nil where one of them is `tsc_early_khz=`, and where a
  /// quotation is not closed, so that another word would become part of it.
  private func endOfKernelWords() -> Int? {
    var end = 0
    while true {
      var start = end
      while start < text.count, Self.isSpace(text[start]) { start += 1 }
      guard start < text.count else { return text.count }
      end = start
      var isQuoted = false
      while end < text.count, isQuoted || !Self.isSpace(text[end]) {
        if text[end] == Self.quote { isQuoted.toggle() }
        end += 1
      }
      if isQuoted || wordBegins("tsc_early_khz=", at: start) { return nil }
      if end == start + 2, wordBegins("--", at: start) { return start }
    }
  }

  /// Whether the word at `start`, or what is quoted there, begins like this.
  private func wordBegins(_ name: String, at start: Int) -> Bool {
    var index = text[start] == Self.quote ? start + 1 : start
    for expected in name.utf8 {
      guard index < text.count else { return false }
      let byte = text[index] == UInt8(ascii: "-") ? UInt8(ascii: "_") : text[index]
      guard byte == (expected == UInt8(ascii: "-") ? UInt8(ascii: "_") : expected) else { return false }
      index += 1
    }
    return true
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == space || (9...13).contains(byte) }

  private mutating func append(_ byte: UInt8) {
    addition[additionCount] = byte
    additionCount += 1
  }

  private mutating func append(decimal value: UInt64) {
    if value >= 10 { append(decimal: value / 10) }
    append(UInt8(ascii: "0") + UInt8(value % 10))
  }
}
