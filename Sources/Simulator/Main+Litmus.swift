import Coherence

extension Main {
  /// Runs all litmus tests. The status: 0 where all have the outcomes of x86-TSO, and no others.
  static func litmus() -> Int32 {
    var status: Int32 = 0
    for test in LitmusTest.all {
      let allowed = test.allowedOutcomes
      let result = test.run(keepsStaleCopies: test.programs.count == 2)
      let check = result.check
      let isRight = check.violation == nil && check.isComplete && result.outcomes == allowed
      print(
        "\(test.name): \(test.programs.count) nodes, \(check.stateCount) states, \(check.duration): "
          + (isRight ? "the \(allowed.count) outcomes of x86-TSO" : "WRONG"))
      guard !isRight else { continue }
      status = 1
      if let violation = check.violation { print("  \(violation.problem)") }
      if !check.isComplete { print("  given up") }
      for outcome in result.outcomes.subtracting(allowed) { print("  not allowed: \(outcome)") }
      for outcome in allowed.subtracting(result.outcomes) { print("  never seen: \(outcome)") }
    }
    return status
  }
}
