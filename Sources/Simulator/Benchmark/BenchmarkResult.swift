/// What a benchmark has come to, from its warm state on.
struct BenchmarkResult {
  var eventCount: Int
  var duration: Duration
  /// From the heap, while there were these events.
  var allocationCount: UInt

  var text: String {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    return "\(eventCount) events in \(duration), \(Int(Double(eventCount) / seconds)) a second, "
      + "\(allocationCount) allocations"
  }
}
