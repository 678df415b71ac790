import AllocationCounter

/// Something that handles events for as long as it is told to.
protocol Benchmark {
  /// Events that were handled so far.
  var eventCount: Int { get }
  /// Handles so many events, or a few more.
  mutating func play(_ count: Int)
}

extension Benchmark {
  /// What so many events take, when as many as `warmUp` have come before.
  mutating func run(eventCount: Int, warmUp: Int) -> BenchmarkResult {
    play(warmUp)
    let begin = self.eventCount
    let allocations = allocationCount()
    let start = ContinuousClock.now
    play(eventCount)
    let duration = start.duration(to: .now)
    return BenchmarkResult(
      eventCount: self.eventCount - begin, duration: duration,
      allocationCount: allocationCount() - allocations)
  }
}
