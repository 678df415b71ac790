import Coherence
import Testing

@testable import Simulator

/// Small enough for a debug build; docs/protocol.md has the large ones.
struct LinkCheckerTests {
  private static func configuration(
    _ change: (inout LinkCheckConfiguration) -> Void
  ) -> LinkCheckConfiguration {
    var configuration = LinkCheckConfiguration()
    configuration.reorders = false
    change(&configuration)
    return configuration
  }

  @Test func nothingIsWrongOnANetworkWithFaults() {
    let configuration = Self.configuration { $0.duplicates = 0 }
    let result = LinkChecker(configuration: configuration, rules: SoundRules()).run()
    #expect(result.violation?.problem == nil)
    #expect(result.isComplete && result.stateCount > 1000 && result.quietCount > 50)
  }

  /// The fewest steps to what each fault of a link does: a request comes twice; what follows a lost frame of a page is
  /// taken; a request is lost for good.
  @Test(arguments: [
    (LinkFault.repeatsDuplicates, 3), (.skipsLostFrames, 6), (.neverSendsAgain, 2),
  ])
  func aFaultOfTheLinkIsFound(_ fault: LinkFault, stepCount: Int) throws {
    let configuration = Self.configuration {
      $0.fault = fault
      $0.losses = fault == .repeatsDuplicates ? 0 : 1
      $0.duplicates = fault == .repeatsDuplicates ? 1 : 0
    }
    let violation = try #require(
      LinkChecker(configuration: configuration, rules: SoundRules()).run().violation)
    #expect(violation.path.count == stepCount)
    #expect(violation.path.contains { $0.kind == .lose || $0.kind == .deliverCopy })
    // The trace leads there, by itself.
    var world = LinkWorld(configuration, rules: SoundRules())
    for step in violation.path.dropLast() {
      world.take(step)
      #expect(world.violatedInvariant() == nil)
    }
    world.take(violation.path[stepCount - 1])
    #expect(fault == .neverSendsAgain || world.violatedInvariant() == violation.problem)
  }

  @Test(arguments: [ProtocolRule.acknowledgeAfterShootdown, .downgradeBeforeSharing, .raiseVersion])
  func aBrokenRuleOfTheProtocolIsFound(_ rule: ProtocolRule) {
    let configuration = Self.configuration {
      $0.accesses = 2
      $0.losses = 0
      $0.duplicates = 0
    }
    let result = LinkChecker(configuration: configuration, rules: BrokenRule(rule: rule)).run()
    #expect(result.violation != nil)
  }

  /// What counts as the same state must go on in the same ways, whatever led there.
  @Test(arguments: [true, false])
  func statesWithTheSameHashGoOnInTheSameWays(reorders: Bool) {
    let configuration = Self.configuration {
      $0.earlyTimeouts = 1
      $0.reorders = reorders
    }
    var successors: [StateHash: StateHash] = [:]
    var frontier = [LinkWorld(configuration, rules: SoundRules())]
    var repeatCount = 0
    while !frontier.isEmpty, successors.count < 3000 {
      var next: [LinkWorld<SoundRules>] = []
      for world in frontier {
        var digest = StateHash()
        var reached: [LinkWorld<SoundRules>] = []
        world.forEachStep { step in
          var successor = world
          successor.take(step)
          digest.add(UInt64(step.code))
          digest.add(successor.hash)
          reached.append(successor)
        }
        if let known = successors.updateValue(digest, forKey: world.hash) {
          repeatCount += 1
          #expect(known == digest)
        } else {
          next += reached
        }
      }
      frontier = next
    }
    #expect(repeatCount > 500)
  }
}
