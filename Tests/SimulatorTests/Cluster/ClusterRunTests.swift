import Coherence
import Testing

@testable import Simulator

/// Engines, links and pages of 4096 bytes together: every read is compared with the last write.
struct ClusterRunTests {
  private static func configuration(seed: UInt64, faults: Double) -> RunConfiguration {
    var configuration = RunConfiguration()
    configuration.nodeCount = 2 + Int(seed % 4)
    configuration.pageCount = 1 + Int(seed % 7)
    configuration.accessCount = 40
    configuration.seed = seed
    configuration.loss = faults
    configuration.duplication = faults
    configuration.reordering = faults
    return configuration
  }

  @Test(arguments: [0, 0.1, 0.3])
  func everyReadSeesTheLastWriteWhateverTheNetworkDoes(_ faults: Double) {
    for seed: UInt64 in 1...15 {
      let configuration = Self.configuration(seed: seed, faults: faults)
      let result = ClusterRun(configuration, rules: SoundRules()).run()
      #expect(result.problem == nil, "seed \(seed)")
      let count = configuration.nodeCount * configuration.vcpuCount * configuration.accessCount
      #expect(result.readCount + result.writeCount == count)
      #expect(result.messageCount > 0 && result.contentBytes > 0)
    }
  }

  @Test func theSameSeedGivesTheSameRun() {
    let configuration = Self.configuration(seed: 5, faults: 0.2)
    let runs = (0..<2).map { _ in ClusterRun(configuration, rules: SoundRules()).run() }
    #expect(runs[0].nanoseconds == runs[1].nanoseconds && runs[0].frameCount == runs[1].frameCount)
    #expect(runs[0].contentBytes == runs[1].contentBytes && runs[0].messageCount == runs[1].messageCount)
  }

  /// The comparison notices: these rules are such that nodes would go on with old contents.
  @Test(arguments: [
    ProtocolRule.acknowledgeAfterShootdown, .waitForAcknowledgements, .shareMakesShared, .raiseVersion,
    .downgradeBeforeSharing,
  ])
  func aBrokenRuleShows(_ rule: ProtocolRule) {
    for seed: UInt64 in 1...30 {
      let configuration = Self.configuration(seed: seed, faults: 0)
      if ClusterRun(configuration, rules: BrokenRule(rule: rule)).run().problem != nil { return }
    }
    Issue.record("\(rule) was not noticed")
  }
}
