import Testing

@testable import Simulator

struct RunOptionsTests {
  @Test func optionsAreRead() throws {
    let options = try RunOptions([
      "--nodes", "8", "--seed", "5", "--network", "1g", "--loss", "0.1", "--workload", "zipf", "--faults",
      "mild",
      "--json",
    ])
    #expect(options.nodeCount == 8 && options.seed == 5 && options.network == .oneGigabit)
    #expect(options.loss == 0.1 && options.workload == .zipf && options.faults == .mild && options.isJSON)
    let repeated = try RunOptions(options.command.split(separator: " ").dropFirst(2).map(String.init))
    #expect(repeated.command == options.command)
  }

  @Test(arguments: [
    ["--nodes", "0"], ["--nodes", "257"], ["--nodes"], ["--nodes", "many"], ["--loss", "nan"],
    ["--network", "2g"],
    ["--workload", "replay"], ["--frames", "10"], ["--frames", "60", "--pages", "4000"], ["--what"],
    ["--twins", "-1"], ["--twins", "5", "--protocol", "ivy"],
  ])
  func mistakesAreTold(arguments: [String]) {
    #expect(throws: OptionError.self) { try RunOptions(arguments) }
  }

  @Test func aTraceIsWhatItWasRecordedFrom() throws {
    let accesses = [
      Access(page: 3, isWrite: true, line: 0), Access(page: 1, isWrite: false, line: 1),
    ]
    let text = "# recorded\n\n" + accesses.map { AccessTrace.line(1, $0) }.joined(separator: "\n")
    let trace = try AccessTrace(text, vcpuCount: 2, pageCount: 4)
    #expect(trace.accessCount(0) == 0 && trace.accessCount(1) == 2)
    #expect((0..<2).map { trace.access($0, 1) } == accesses)
  }

  @Test(arguments: ["0 r", "0 x 1", "2 r 1", "0 r 4", "-1 r 0", "0 r 1 2"])
  func aWrongLineIsNamed(line: String) {
    #expect(throws: AccessTrace.Problem.self) {
      try AccessTrace("0 r 1\n" + line, vcpuCount: 2, pageCount: 4)
    }
  }
}
