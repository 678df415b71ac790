extension PerformanceReport {
  /// Eight nodes at 1 Gb/s, every protocol on every workload.
  func protocolComparison(_ output: inout Output) -> [RunSummary] {
    var runs: [RunSummary] = []
    for workload in Self.compared {
      for sharing in Self.protocols {
        var options = RunOptions()
        options.sharing = sharing
        options.nodeCount = 8
        options.network = .oneGigabit
        options.workload = workload
        options.accessCount = accessCount
        runs.append(run(options, &output))
      }
      let own = runs.suffix(Self.protocols.count)
      output.plots.append(("latency-" + workload.rawValue, Self.latencyPlot(workload, Array(own))))
    }
    output.plots.append(("bytes", Self.bytesPlot(runs)))
    return runs
  }

  func comparisonTables(_ runs: [RunSummary]) -> [String] {
    var rows: [[String]] = []
    var ratios: [[String]] = []
    for workload in Self.compared {
      let runs = runs.filter { $0.workload == workload }
      for run in runs {
        rows.append([
          workload.rawValue, Self.name(run.sharing), "\(run.latencies.count)",
          Self.bytes(run.perFault(run.bytes)), Self.decimal(run.perFault(run.messageCount)),
          RunReport.microseconds(run.percentile(50)), RunReport.microseconds(run.percentile(90)),
          RunReport.microseconds(run.percentile(99)), Self.decimal(Double(run.bytes) / 1e6),
          Self.decimal(Double(run.duration) / 1e6),
        ])
      }
      guard let own = runs.first else { continue }
      for other in runs.dropFirst() { ratios.append(Self.ratios(own, other)) }
    }
    return [
      "### Against other protocols", "",
      "Eight nodes, 1 Gb/s, \(accessCount) accesses of each vCPU, the same ones under every protocol:",
      "`Simulator run --protocol P --nodes 8 --network 1g --workload W --accesses \(accessCount)`.", "",
    ]
      + Self.table(
        [
          "workload", "protocol", "faults", "bytes per fault", "messages", "p50 µs", "p90", "p99",
          "MB in all", "ms in all",
        ], rows) + [
        "", "How many times as much the others take as Big Iron; the aims are 2 for bytes per fault, and 1.5",
        "for the median latency, against (a):", "",
      ]
      + Self.table(
        ["workload", "against", "bytes per fault", "median latency", "bytes in all", "time in all", "aims"],
        ratios) + [""]
      + Self.compared.map {
        Self.picture("latency-" + $0.rawValue, "Distribution of fault latencies, \($0.rawValue)")
      }
      + [Self.picture("bytes", "Bytes on the wire for each fault"), ""]
  }

  private static func ratios(_ own: RunSummary, _ other: RunSummary) -> [String] {
    func ratio(_ left: Double, _ right: Double) -> Double { right == 0 ? 0 : left / right }
    let bytes = ratio(other.perFault(other.bytes), own.perFault(own.bytes))
    let median = ratio(Double(other.percentile(50)), Double(own.percentile(50)))
    let verdict: String
    if other.sharing == .ivy, aimed.contains(own.workload) {
      verdict = bytes >= 2 && median >= 1.5 ? "met" : "missed"
    } else {
      verdict = ""
    }
    return [
      own.workload.rawValue, name(other.sharing), times(bytes), times(median),
      times(ratio(Double(other.bytes), Double(own.bytes))),
      times(ratio(Double(other.duration), Double(own.duration))), verdict,
    ]
  }

  // MARK: Plots

  private static func latencyPlot(_ workload: Workload.Name, _ runs: [RunSummary]) -> String {
    let plot = Plot(
      title: "Faults on 8 nodes at 1 Gb/s: \(workload.rawValue)", xLabel: "latency, µs",
      yLabel: "% of faults that took no longer",
      series: runs.map { run in
        let points = (1...100).map { (x: Double(run.percentile($0)) / 1000, y: Double($0)) }
        return Plot.Series(name: name(run.sharing), points: points)
      })
    let all = runs.flatMap(\.latencies)
    let range = Double(all.min() ?? 1) / 1000...Double(all.max() ?? 1) / 1000
    return plot.curves(.logarithmic(range, base: 10), .linear(to: 100), hasDots: false)
  }

  private static func bytesPlot(_ runs: [RunSummary]) -> String {
    let plot = Plot(
      title: "8 nodes at 1 Gb/s", xLabel: "", yLabel: "kB on the wire for each fault",
      series: protocols.map { sharing in
        let own = runs.filter { $0.sharing == sharing }
        let points = own.enumerated().map { (x: Double($0), y: $1.perFault($1.bytes) / 1000) }
        return Plot.Series(name: name(sharing), points: points)
      })
    let most = runs.map { $0.perFault($0.bytes) / 1000 }.max() ?? 0
    return plot.bars(compared.map(\.rawValue), .linear(to: most))
  }
}
