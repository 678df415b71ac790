// The part of docs/performance.md that the simulator writes: what it says is what the code does, since one command makes
// both figures and plots. Runs repeat to the bit, so the text changes where the code does, and nowhere else.

/// What `Simulator report` writes.
struct PerformanceReport {
  /// Accesses of each vCPU; in the runs of growing clusters a quarter of that.
  var accessCount = 4000
  /// The clusters that grow.
  var nodeCounts = [2, 4, 8, 16, 32, 64]
  /// Takes a word on each run that begins.
  var progress: (String) -> Void = { _ in }

  struct Output {
    /// The lines between the two markers.
    var text: String
    /// By name: files for docs/plots.
    var plots: [(name: String, svg: String)]
    /// What was wrong with runs.
    var failures: [String]
  }

  static let marker = "<!-- report -->\n"

  /// The workloads that there are aims for, and those that the protocols are compared on.
  static let aimed: [Workload.Name] = [.producerConsumer, .migratoryLock, .zipf]
  static let compared = aimed + [.fullRing]

  static func name(_ sharing: SharingProtocol) -> String {
    switch sharing {
    case .bigIron: "Big Iron"
    case .ivy: "(a) IVY"
    case .ivyDirect: "(a′) IVY, direct"
    case .homeMSI: "(b) home MSI"
    case .swap: "(c) swap"
    }
  }

  static let protocols: [SharingProtocol] = [.bigIron, .ivy, .ivyDirect, .homeMSI, .swap]

  func make() -> Output {
    var output = Output(text: "", plots: [], failures: [])
    let comparison = protocolComparison(&output)
    let paths = criticalPaths(comparison)
    let scaling = scalingTables(&output)
    let networks = networkTable(&output)
    output.text = (comparisonTables(comparison) + paths + scaling + networks).joined(separator: "\n") + "\n"
    return output
  }

  func run(_ options: RunOptions, _ output: inout Output) -> RunSummary {
    progress(options.command)
    let summary = RunSummary(options)
    if let failure = summary.failure { output.failures.append(failure) }
    return summary
  }

  // MARK: Markdown

  static func table(_ header: [String], _ rows: [[String]]) -> [String] {
    ([header, header.map { _ in "---" }] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
  }

  static func picture(_ name: String, _ text: String) -> String { "![\(text)](plots/\(name).svg)" }

  static func decimal(_ value: Double) -> String { RunReport.decimal(value) }

  static func times(_ value: Double) -> String { decimal(value) + " ×" }

  static func bytes(_ value: Double) -> String { "\(Int(value.rounded()))" }
}
