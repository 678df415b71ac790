extension PerformanceReport {
  /// How many messages faults wait for in a row, in the runs of the comparison.
  func criticalPaths(_ runs: [RunSummary]) -> [String] {
    let kinds: [(name: String, kind: Statistics.FaultKind, isUnshared: Bool?)] = [
      ("read, nobody else has it", .read, true), ("read, shared", .read, false), ("write", .write, nil),
      ("upgrade", .upgrade, nil),
    ]
    var rows: [[String]] = []
    for run in runs where run.sharing == .bigIron || run.sharing == .ivy && Self.aimed.contains(run.workload)
    {
      for (name, kind, isUnshared) in kinds {
        let counts = run.paths(kind, isUnshared: isUnshared)
        rows.append([run.workload.rawValue, Self.name(run.sharing), name] + Self.distribution(counts))
      }
    }
    return [
      "### Messages in a row", "",
      "How many messages a fault waits for, one after another, from its request to its end; the home's own faults have no",
      "request. An upgrade's acknowledgements come at the same time, however many there are.", "",
    ]
      + Self.table(
        ["workload", "protocol", "fault", "0 or 1", "2", "3", "4", "5 to 8", "more", "most"], rows)
      + [""]
  }

  private static func distribution(_ counts: [Int]) -> [String] {
    func sum(_ range: ClosedRange<Int>) -> String {
      "\(counts.enumerated().filter { range.contains($0.offset) }.reduce(0) { $0 + $1.element })"
    }
    return [0...1, 2...2, 3...3, 4...4, 5...8, 9...Int.max].map(sum)
      + [counts.isEmpty ? "–" : "\(counts.count - 1)"]
  }
}
