extension PerformanceReport {
  /// Every workload on networks of three speeds, and a single read.
  func networkTable(_ output: inout Output) -> [String] {
    let networks: [NetworkSpeed] = [.oneGigabit, .tenGigabit, .hundredGigabit]
    var rows: [[String]] = []
    for workload in Workload.Name.allCases where workload != .replay {
      for network in networks {
        var options = RunOptions()
        options.nodeCount = 8
        options.network = network
        options.workload = workload
        options.accessCount = accessCount
        rows.append(Self.row(run(options, &output), network))
      }
    }
    return [
      "### Networks", "",
      "Big Iron's eight nodes with \(accessCount) accesses of each vCPU on all workloads.", "",
    ]
      + Self.table(
        [
          "workload", "network", "% without a fault", "read µs, p50 / p99", "write", "upgrade",
          "messages per fault",
          "bytes per fault",
        ], rows) + ["", "A read of a page that its home has written, while nothing else happens:", ""]
      + Self.table(
        ["network", "µs", "wire", "queue", "CPU"], networks.map { Self.idleRead($0, &output) })
  }

  private static func row(_ run: RunSummary, _ network: NetworkSpeed) -> [String] {
    let latencies = RunSummary.remoteKinds.map { kind in
      let totals = run.statistics.samples[kind.rawValue].map(\.total).sorted()
      guard !totals.isEmpty else { return "–" }
      return [50, 99].map { RunReport.microseconds(RunReport.percentile(totals, $0)) }.joined(
        separator: " / ")
    }
    return [run.workload.rawValue, network.rawValue, decimal(run.hitPercent)] + latencies + [
      decimal(run.perFault(run.messageCount)), bytes(run.perFault(run.bytes)),
    ]
  }

  private static func idleRead(_ network: NetworkSpeed, _ output: inout Output) -> [String] {
    var options = RunOptions()
    options.nodeCount = 2
    options.network = network
    options.workload = .replay
    options.pageCount = 2
    options.thinkTime = 500_000
    let text = "0 w 0\n" + String(repeating: "1 r 1\n", count: 3) + "1 r 0\n"
    let trace = try? AccessTrace(text, vcpuCount: 2, pageCount: 2)
    let simulation = Simulation(options, trace: trace)
    simulation.run()
    if let failure = simulation.failure { output.failures.append(failure) }
    guard let read = simulation.statistics.samples[Statistics.FaultKind.read.rawValue].first else {
      return []
    }
    return [network.rawValue]
      + [read.total, read.shares.wire, read.shares.queue, read.shares.cpu].map(RunReport.microseconds)
  }
}
