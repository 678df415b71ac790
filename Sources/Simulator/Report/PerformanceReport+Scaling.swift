extension PerformanceReport {
  private static let scaled: [SharingProtocol] = [.bigIron, .ivy, .homeMSI]

  /// The same workloads on clusters of two nodes and more.
  func scalingTables(_ output: inout Output) -> [String] {
    let count = max(1, accessCount / 4)
    var rows: [[String]] = []
    for workload in Self.aimed {
      var runs: [RunSummary] = []
      for nodeCount in nodeCounts {
        for sharing in Self.scaled {
          var options = RunOptions()
          options.sharing = sharing
          options.nodeCount = nodeCount
          options.network = .oneGigabit
          options.workload = workload
          options.accessCount = count
          runs.append(run(options, &output))
        }
        let own = runs.suffix(Self.scaled.count)
        rows.append(
          [workload.rawValue, "\(nodeCount)"] + own.map { RunReport.microseconds($0.percentile(50)) }
            + own.map { Self.bytes($0.perFault($0.bytes)) } + own.map { "\(Int(Self.rate($0).rounded()))" })
      }
      output.plots.append(("scaling-" + workload.rawValue, scalingPlot(workload, runs)))
    }
    let names = Self.scaled.map(Self.name)
    let header =
      ["workload", "nodes"] + names.map { "p50 µs, " + $0 } + names.map { "bytes per fault, " + $0 }
      + names.map { "accesses per ms, " + $0 }
    return [
      "### From two nodes to \(nodeCounts.last ?? 0)", "",
      "1 Gb/s, \(count) accesses of each vCPU, 64 pages for each node. Accesses per ms are those of the whole cluster.",
      "",
    ] + Self.table(header, rows) + [""]
      + Self.aimed.map {
        Self.picture("scaling-" + $0.rawValue, "Median latency by the number of nodes, \($0.rawValue)")
      } + [""]
  }

  private static func rate(_ run: RunSummary) -> Double {
    run.duration == 0 ? 0 : Double(run.statistics.accessCount) * 1e6 / Double(run.duration)
  }

  private func scalingPlot(_ workload: Workload.Name, _ runs: [RunSummary]) -> String {
    let plot = Plot(
      title: "Clusters at 1 Gb/s: \(workload.rawValue)", xLabel: "nodes",
      yLabel: "median latency of a fault, µs",
      series: Self.scaled.map { sharing in
        let points = runs.filter { $0.sharing == sharing }
          .map { (x: Double($0.nodeCount), y: Double($0.percentile(50)) / 1000) }
        return Plot.Series(name: Self.name(sharing), points: points)
      })
    let most = runs.map { Double($0.percentile(50)) / 1000 }.max() ?? 0
    let range = Double(nodeCounts.first ?? 1)...Double(nodeCounts.last ?? 2)
    return plot.curves(.logarithmic(range, base: 2), .linear(to: most), hasDots: true)
  }
}
