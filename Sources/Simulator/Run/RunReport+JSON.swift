extension RunReport {
  /// One object, in one line. Times are in nanoseconds.
  var json: String {
    let options = simulation.options
    let faults = Statistics.FaultKind.allCases.map { kind in
      Self.object([
        ("kind", Self.string(kind.name)), ("count", "\(statistics.samples[kind.rawValue].count)"),
        ("latency", latencies(statistics.samples[kind.rawValue])),
        ("messagesInARow", options.isLossless ? "\(statistics.paths(kind))" : "null"),
      ])
    }
    return Self.object([
      ("command", Self.string(options.command)),
      ("protocol", Self.string(options.sharing.rawValue)), ("nodes", "\(options.nodeCount)"),
      ("seed", "\(options.seed)"),
      ("network", Self.string(options.network.rawValue)),
      ("workload", Self.string(options.workload.rawValue)),
      ("failure", simulation.failure.map(Self.string) ?? "null"), ("hash", Self.string(simulation.hashText)),
      ("accesses", "\(statistics.accessCount)"), ("hits", "\(statistics.hitCount)"),
      ("duration", "\(virtualTime)"), ("faults", "[" + faults.joined(separator: ",") + "]"),
      ("messages", "\(statistics.messageCount)"),
      ("messagesPerFault", "\(perFault(statistics.messageCount))"),
      ("bytesPerFault", "\(perFault(statistics.pageBytes + statistics.acknowledgementBytes))"),
      ("evictions", "\(statistics.messages[3])"), ("shootdowns", "\(statistics.shootdowns)"),
      ("retransmissions", "\(statistics.retransmissions)"),
      ("acknowledgements", "\(statistics.acknowledgementFrames)"),
      ("repeatedFaults", "\(statistics.repeatedFaults)"), ("putOffFaults", "\(statistics.putOffFaults)"),
      ("expiredPins", "\(statistics.expiredPins)"), ("lost", "\(statistics.lost)"),
      ("corrupted", "\(statistics.corrupted)"), ("replayed", "\(statistics.replayed)"),
      ("late", "\(statistics.delayed)"), ("overflows", "\(statistics.overflows)"),
      ("troubles", "\(statistics.troubles)"), ("events", "\(statistics.eventCount)"),
      ("eventsPerSecond", "\(Int(Double(statistics.eventCount) / max(seconds, 1e-9)))"),
    ])
  }

  private func latencies(_ samples: [Statistics.Sample]) -> String {
    func percentiles(_ values: [UInt64]) -> String {
      let values = values.sorted()
      return Self.object([50, 90, 99].map { ("p\($0)", "\(Self.percentile(values, $0))") })
    }
    return Self.object([
      ("total", percentiles(samples.map(\.total))), ("wire", percentiles(samples.map(\.shares.wire))),
      ("queue", percentiles(samples.map(\.shares.queue))), ("cpu", percentiles(samples.map(\.shares.cpu))),
      ("waiting", percentiles(samples.map(\.shares.waiting))),
    ])
  }

  private static func object(_ members: [(String, String)]) -> String {
    "{" + members.map { string($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
  }

  private static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
