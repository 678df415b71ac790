import Foundation
import Testing

@testable import Simulator

struct ReportTests {
  private static let docs = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs").standardized

  /// The text with every number, and every word that depends on numbers, made the same, and no line twice in a row.
  private static func form(_ text: String) -> [String] {
    var lines: [String] = []
    for line in text.components(separatedBy: "\n") {
      let form = line.replacing(/[0-9]+(\.[0-9]+)?|–|met|missed/, with: "#").replacing("# / #", with: "#")
      if form != lines.last || form.isEmpty { lines.append(form) }
    }
    return lines
  }

  @Test func thePageHasWhatTheCodeWrites() throws {
    let text = try String(contentsOf: Self.docs.appending(path: "performance.md"), encoding: .utf8)
    let parts = text.components(separatedBy: PerformanceReport.marker)
    try #require(parts.count == 3)
    let output = PerformanceReport(accessCount: 40, nodeCounts: [2, 3]).make()
    #expect(output.failures == [])
    let page = Self.form(parts[1])
    let form = Self.form(output.text)
    #expect(page.count == form.count, "swift run -c release Simulator report writes it")
    for (line, expected) in zip(page, form) { try #require(line == expected) }

    let files = try FileManager.default.contentsOfDirectory(atPath: Self.docs.appending(path: "plots").path)
    #expect(files.sorted() == output.plots.map { $0.name + ".svg" }.sorted())
    for plot in output.plots {
      #expect(parts[1].contains("(plots/\(plot.name).svg)"))
      let file = Self.docs.appending(path: "plots/\(plot.name).svg")
      #expect(try Self.words(String(contentsOf: file, encoding: .utf8)) == Self.words(plot.svg))
    }
  }

  /// What is written in a picture, but for numbers.
  private static func words(_ svg: String) -> [String] {
    svg.components(separatedBy: "\n").filter { $0.hasPrefix("<text") }
      .compactMap { $0.split(separator: ">").dropFirst().first.map { String($0.dropLast("</text".count)) } }
      .filter { $0.contains(where: \.isLetter) }
  }

  /// What is wanted of Big Iron against IVY with eight nodes at 1 Gb/s, on shorter runs than those of the page.
  @Test(arguments: PerformanceReport.aimed)
  func faultsTakeHalfTheBytesAndTwoThirdsOfTheTime(workload: Workload.Name) {
    func run(_ sharing: SharingProtocol) -> RunSummary {
      var options = RunOptions()
      options.sharing = sharing
      options.nodeCount = 8
      options.network = .oneGigabit
      options.workload = workload
      options.accessCount = 400
      return RunSummary(options)
    }
    let own = run(.bigIron)
    let ivy = run(.ivy)
    #expect(own.failure == nil && ivy.failure == nil)
    #expect(ivy.perFault(ivy.bytes) >= 2 * own.perFault(own.bytes))
    #expect(Double(ivy.percentile(50)) >= 1.5 * Double(own.percentile(50)))
  }

  // MARK: Pictures

  @Test func everythingIsInsideThePicture() throws {
    let plot = Plot(
      title: "A & B", xLabel: "x", yLabel: "y",
      series: [
        Plot.Series(name: "<one>", points: [(1, 0), (2, 3), (5, 7)]),
        Plot.Series(name: "two", points: [(0.5, 9), (9, 12)]),
      ])
    let curves = plot.curves(.logarithmic(1...5, base: 10), .linear(to: 7), hasDots: true)
    #expect(curves.hasPrefix("<svg ") && curves.hasSuffix("</svg>\n"))
    #expect(curves.contains("A &amp; B") && curves.contains("&lt;one&gt;"))
    let points = curves.matches(of: /points="([^"]*)"/).flatMap { $0.1.split(separator: " ") }
    #expect(points.count > 5)
    for point in points {
      let place = point.split(separator: ",").compactMap { Double($0) }
      try #require(place.count == 2)
      #expect((0...640).contains(place[0]) && (0...400).contains(place[1]))
    }
    #expect(Self.count("<circle", curves) == 5)
    // The background, a bar for each point, and the legend.
    #expect(Self.count("<rect", plot.bars(["a", "b"], .linear(to: 12))) == 1 + 5 + 2)
  }

  private static func count(_ element: String, _ svg: String) -> Int {
    svg.components(separatedBy: element).count - 1
  }

  @Test(arguments: [(0.4, 1.0), (1, 1), (7, 8), (100, 100), (230, 250), (8952, 10000)])
  func anAxisEndsAtARoundNumber(limit: Double, end: Double) {
    let axis = Axis.linear(to: limit)
    #expect(axis.range == 0...end)
    #expect(axis.ticks.first == 0 && axis.ticks.last == end && axis.ticks.count <= 7)
    #expect(axis.place(0) == 0 && axis.place(end) == 1 && axis.place(2 * end) == 1)
  }

  @Test func aLogarithmicAxisHasThePowersInIt() {
    let axis = Axis.logarithmic(13.5...2100, base: 10)
    #expect(axis.range == 10...10_000 && axis.ticks == [10, 100, 1000, 10_000])
    #expect(abs(axis.place(100) - 1.0 / 3) < 1e-9)
    #expect(Axis.logarithmic(2...64, base: 2).range == 2...64)
  }
}
