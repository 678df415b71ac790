import Coherence
import Testing

@testable import Simulator

/// Instructions that need several pages, on nodes that fight for them: every run ends with all of them executed.
struct ProgressTests {
  private static func configuration(_ instructions: [[Int]], home: [Int]) -> CheckConfiguration {
    var configuration = CheckConfiguration()
    configuration.pagesAtHome = home
    configuration.keepsStaleCopies = false
    configuration.instructions = instructions
    return configuration
  }

  private static let opposite = configuration([[0, 1], [1, 0]], home: [1, 1])

  @Test(arguments: [
    opposite, configuration([[1, 0], [1, 0]], home: [2, 0]),
    configuration([[0, 1], [1, 0], [1, 0]], home: [1, 1, 0]),
  ])
  func instructionsOnTwoPagesCannotHinderEachOtherForEver(_ configuration: CheckConfiguration) {
    let result = Checker(configuration: configuration, rules: SoundRules()).run()
    #expect(result.violation?.problem == nil)
    #expect(result.isComplete && result.stateCount > 50)
  }

  @Test func withoutPinsTheyGoRoundAndRound() {
    var configuration = Self.opposite
    configuration.pins = false
    let result = Checker(configuration: configuration, rules: SoundRules()).run()
    #expect(result.violation?.problem == "from here it can go round and round")
  }

  @Test func withoutAnOrderTheyWaitForEachOther() {
    var configuration = Self.opposite
    configuration.ordersPins = false
    let result = Checker(configuration: configuration, rules: SoundRules()).run()
    #expect(result.violation?.problem == "from here no quiet state can be reached")
  }
}
