/// What a run has come to, as text and as JSON.
struct RunReport {
  let simulation: Simulation
  let seconds: Double

  init(_ simulation: Simulation, duration: Duration) {
    self.simulation = simulation
    seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }

  /// The value that `percent` of the sorted values do not exceed; 0 of none.
  static func percentile(_ values: [UInt64], _ percent: Int) -> UInt64 {
    values.isEmpty ? 0 : values[max(0, (values.count * percent + 99) / 100 - 1)]
  }

  /// With one digit behind the point.
  static func decimal(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  static func microseconds(_ nanoseconds: UInt64) -> String { decimal(Double(nanoseconds) / 1000) }

  static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  var statistics: Statistics { simulation.statistics }

  func perFault(_ count: UInt64) -> Double {
    statistics.remoteFaultCount == 0 ? 0 : Double(count) / Double(statistics.remoteFaultCount)
  }

  var hitPercent: Double {
    statistics.accessCount == 0 ? 0 : 100 * Double(statistics.hitCount) / Double(statistics.accessCount)
  }

  var virtualTime: UInt64 {
    (simulation.finishedAt == 0 ? simulation.now : simulation.finishedAt) - simulation.startedAt
  }

  var text: String {
    let options = simulation.options
    var lines = ["\(options.command)", ""]
    let header = ["kind", "count", "p50 µs", "p90", "p99", "wire p50", "queue", "CPU", "waiting"]
    lines.append(Self.row(header))
    for kind in Statistics.FaultKind.allCases {
      let samples = statistics.samples[kind.rawValue]
      guard !samples.isEmpty else { continue }
      let totals = samples.map(\.total).sorted()
      var fields = [kind.name, "\(samples.count)"]
      fields += [50, 90, 99].map { Self.microseconds(Self.percentile(totals, $0)) }
      for part in [\Shares.wire, \.queue, \.cpu, \.waiting] {
        fields.append(
          Self.microseconds(Self.percentile(samples.map { $0.shares[keyPath: part] }.sorted(), 50)))
      }
      lines.append(Self.row(fields))
    }
    for kind in [Statistics.FaultKind.read, .write, .upgrade]
    where options.isLossless && !statistics.paths(kind).isEmpty {
      let counts = statistics.paths(kind).enumerated().filter { $1 > 0 }
        .map { "\($0): \($1)" }
      lines.append("messages in a row, \(kind.name): \(counts.joined(separator: ", "))")
    }
    lines += [
      "",
      "\(statistics.accessCount) accesses, \(Self.decimal(hitPercent)) % without a fault, "
        + "in \(Self.microseconds(virtualTime)) µs; \(statistics.repeatedFaults) faults repeated, "
        + "\(statistics.putOffFaults) put off, \(statistics.expiredPins) pins expired",
      "\(statistics.messageCount) messages, \(Self.decimal(perFault(statistics.messageCount))) for each fault that "
        + "took some; \(Int(perFault(statistics.pageBytes + statistics.acknowledgementBytes))) bytes on the wire for each",
      "\(statistics.messages[3]) evictions, \(statistics.shootdowns) shootdowns, "
        + "\(statistics.retransmissions) frames sent again, \(statistics.acknowledgementFrames) bare acknowledgements",
      "frames lost \(statistics.lost), corrupted \(statistics.corrupted), replayed \(statistics.replayed), "
        + "late \(statistics.delayed), no room \(statistics.overflows); troubles \(statistics.troubles)",
      "\(statistics.eventCount) events in \(Self.decimal(seconds)) s, "
        + "\(Int(Double(statistics.eventCount) / max(seconds, 1e-9))) a second; hash \(simulation.hashText)",
    ]
    if let failure = simulation.failure { lines += ["", "FAILED: " + failure] }
    return lines.joined(separator: "\n")
  }

  private static func row(_ fields: [String]) -> String {
    fields.enumerated().map { padded($1, $0 == 0 ? 12 : 10) }.joined()
  }
}

extension Simulation {
  var hashText: String { String(hash.high, radix: 16) }
}
