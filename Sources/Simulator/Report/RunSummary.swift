/// What the report needs of a run.
struct RunSummary {
  let sharing: SharingProtocol
  let workload: Workload.Name
  let nodeCount: Int
  let failure: String?
  /// Of all faults that took a message or waited for one, sorted, in nanoseconds.
  let latencies: [UInt64]
  let bytes: UInt64
  let messageCount: UInt64
  let hitPercent: Double
  /// From the first access to the last, in nanoseconds.
  let duration: UInt64
  let statistics: Statistics

  init(_ options: RunOptions) {
    let simulation = Simulation(options)
    simulation.run()
    let report = RunReport(simulation, duration: .zero)
    sharing = options.sharing
    workload = options.workload
    nodeCount = options.nodeCount
    failure = simulation.failure.map { "\(options.command): \($0)" }
    let statistics = simulation.statistics
    self.statistics = statistics
    latencies = Self.remoteKinds.flatMap { statistics.samples[$0.rawValue].map(\.total) }.sorted()
    bytes = statistics.pageBytes + statistics.acknowledgementBytes
    messageCount = statistics.messageCount
    hitPercent = report.hitPercent
    duration = report.virtualTime
  }

  static let remoteKinds: [Statistics.FaultKind] = [.read, .write, .upgrade]

  func perFault(_ count: UInt64) -> Double {
    latencies.isEmpty ? 0 : Double(count) / Double(latencies.count)
  }

  func percentile(_ percent: Int) -> UInt64 { RunReport.percentile(latencies, percent) }

  /// By the number of messages in a row: how many faults there were of a kind.
  func paths(_ kind: Statistics.FaultKind, isUnshared: Bool? = nil) -> [Int] {
    statistics.paths(kind) { isUnshared == nil || $0.isUnshared == isUnshared }
  }
}
