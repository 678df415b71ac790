import CPU
import Memory

/// What a load that misses all caches takes.
enum MemoryLatency {
  private static var lineCount: Int { Int(pageSize) / 64 }

  /// Measures it, in nanoseconds, at least 1: loads the lines of a page one after the other, none of which is cached, in an order
  /// that no prefetcher expects.
  static func measure() -> UInt32 {
    guard let frame = try? Frames.allocate4K() else { return 0 }
    defer { Frames.free(frame) }
    for index in 0..<lineCount {
      writeMMIO64(line(index, frame), 0)
      flushLine(line(index, frame))
    }
    memoryFence()
    let start = readTSC()
    // No load can begin before the one before it has ended: its address needs that one's value, which is 0.
    var value: UInt64 = 0
    for index in 0..<lineCount { value = readMMIO64(line(index * 37 % lineCount, frame) | value) }
    let ticks = readTSC() &- start
    let time = Clock.scale(ticks, by: 1_000_000_000, over: node.clock.frequency)
    return UInt32(clamping: max(1, time / UInt64(lineCount)))
  }

  private static func line(_ index: Int, _ frame: HostPhysicalAddress) -> UInt64 {
    frame.value + UInt64(index) * 64
  }
}
