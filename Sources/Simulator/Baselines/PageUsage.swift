/// What a processor's accessed and dirty bits would say, but to the nanosecond.
final class PageUsage {
  /// By page: when it was accessed last.
  var lastUse: [UInt64]
  /// By page: whether it was written to since this was reset.
  var isWritten: [Bool]

  init(pageCount: Int) {
    lastUse = [UInt64](repeating: 0, count: pageCount)
    isWritten = [Bool](repeating: false, count: pageCount)
  }

  func note(_ page: Int, isWrite: Bool, at now: UInt64) {
    lastUse[page] = now
    if isWrite { isWritten[page] = true }
  }
}
