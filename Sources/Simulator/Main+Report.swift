extension Main {
  /// Writes the simulator's part of docs/performance.md, and its plots. The status: 0 where nothing is wrong, 1 where a run
  /// was, 2 where the options or the files are.
  static func report(_ arguments: [String]) -> Int32 {
    do throws(OptionError) {
      var rest = arguments[...]
      var directory = "docs"
      while let option = rest.popFirst() {
        switch option {
        case "--docs": directory = try RunOptions.value(option, &rest)
        default: throw OptionError(text: "no such option: \(option)")
        }
      }
      let path = directory + "/performance.md"
      let parts = try Self.parts(of: read(path), path)
      let start = ContinuousClock.now
      let output = PerformanceReport(progress: { print($0) }).make()
      guard output.failures.isEmpty else {
        print("FAILED: " + output.failures.joined(separator: "\n"))
        return 1
      }
      let marker = PerformanceReport.marker
      try write(parts.before + marker + output.text + marker + parts.after, to: path)
      for plot in output.plots { try write(plot.svg, to: "\(directory)/plots/\(plot.name).svg") }
      print("\(path) and \(output.plots.count) plots, in \(start.duration(to: .now))")
      return 0
    } catch {
      print(error.text)
      return 2
    }
  }

  /// What stands before the report in the page, and what stands behind it.
  private static func parts(of page: String, _ path: String) throws(OptionError) -> (
    before: String, after: String
  ) {
    var lines: [[Substring]] = [[]]
    let marker = PerformanceReport.marker.dropLast()
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      if line == marker { lines.append([]) } else { lines[lines.count - 1].append(line) }
    }
    guard lines.count == 3 else { throw OptionError(text: "\(path) does not have the line \(marker) twice") }
    return (lines[0].joined(separator: "\n") + "\n", lines[2].joined(separator: "\n"))
  }
}
