import Coherence
import Support
import Testing

@testable import Simulator

struct CheckerTests {
  /// Small enough for a debug build; docs/protocol.md has the large ones.
  private static let configurations: [CheckConfiguration] = [
    configuration([1, 0]) {
      $0.waits = true
      $0.lacksRoom = true
    },
    configuration([1, 0, 0]) {
      $0.evicts = false
      $0.pins = false
      $0.keepsStaleCopies = false
    },
  ]

  private static func configuration(
    _ pagesAtHome: [Int], _ change: (inout CheckConfiguration) -> Void
  ) -> CheckConfiguration {
    var configuration = CheckConfiguration()
    configuration.pagesAtHome = pagesAtHome
    change(&configuration)
    return configuration
  }

  @Test(arguments: configurations)
  func nothingIsWrongInASmallCluster(_ configuration: CheckConfiguration) {
    let result = Checker(configuration: configuration, rules: SoundRules()).run()
    #expect(result.violation?.problem == nil)
    #expect(result.isComplete && result.stateCount > 1000)
  }

  /// The rules that two nodes can't tell are broken.
  private static let ruleOfThree: [ProtocolRule: Bool] = [
    .changesFromKnownVersion: true, .checkUpgradeStillHolds: false, .rememberEarlyAcknowledgements: false,
  ]

  @Test(arguments: ProtocolRule.allCases)
  func aBrokenRuleIsFound(_ rule: ProtocolRule) {
    var configuration = CheckConfiguration()
    if let keepsStaleCopies = Self.ruleOfThree[rule] {
      configuration.pagesAtHome = [1, 0, 0]
      configuration.pins = false
      configuration.evicts = false
      configuration.keepsStaleCopies = keepsStaleCopies
    }
    let result = Checker(configuration: configuration, rules: BrokenRule(rule: rule)).run()
    guard let violation = result.violation else {
      Issue.record("not found in \(result.stateCount) states")
      return
    }
    // The trace leads there, by itself, and the chart shows all of it.
    var world = World(configuration, rules: BrokenRule(rule: rule))
    for step in violation.path.dropLast() {
      world.take(step)
      #expect(world.violatedInvariant() == nil)
    }
    let chart = SequenceChart(violation.path, configuration, rules: BrokenRule(rule: rule)).text
    #expect(chart.contains("\n\(violation.path.count) "))
  }
}
