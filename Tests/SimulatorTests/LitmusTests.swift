import Coherence
import Testing

@testable import Simulator

/// What vCPUs on different nodes can read of each other's writes: what processors in one PC can, neither more nor less.
struct LitmusTests {
  @Test(arguments: LitmusTest.all.map(\.name))
  func theOutcomesAreThoseOfTSO(_ name: String) throws {
    let test = try #require(LitmusTest.all.first { $0.name == name })
    let allowed = test.allowedOutcomes
    #expect(!allowed.contains(where: test.isForbidden))
    let result = test.run(keepsStaleCopies: test.programs.count == 2)
    #expect(result.check.violation?.problem == nil)
    #expect(result.check.isComplete)
    #expect(result.outcomes == allowed)
  }
}
