/// What the memory of the cluster should hold: one word in each 64 bytes, as the last write has left it.
struct ReferenceMemory {
  private var words: [UInt64]
  private var touched: [Bool]
  private var writeCount: UInt64 = 0

  init(pageCount: Int) {
    words = [UInt64](repeating: 0, count: 64 * pageCount)
    touched = [Bool](repeating: false, count: pageCount)
  }

  subscript(page: Int, line: Int) -> UInt64 { words[64 * page + line] }

  /// What the next write writes: something new, or zero one time in eight.
  mutating func write(_ page: Int, _ line: Int) -> UInt64 {
    writeCount += 1
    let value = writeCount % 8 == 0 ? 0 : SplitMix64.mix(writeCount)
    words[64 * page + line] = value
    return value
  }

  /// Notes that the page is wanted; whether nobody has wanted it before.
  mutating func touch(_ page: Int) -> Bool {
    defer { touched[page] = true }
    return !touched[page]
  }
}
