import Support
import Testing
import Wire

@testable import Cluster

/// Work that grows with the number of nodes, counted in looks at one node as a candidate for the first map.
struct ScaleTests {
  #if DEBUG
    private static let counts = [16, 64]
  #else
    private static let counts = [16, 64, 256]
  #endif

  @Test(arguments: counts)
  func eachNodeLooksAtEachOtherAFewTimesUntilTheyAreACluster(count: Int) {
    let simulation = ClusterSimulation(
      seed: UInt64(count), machineCount: count, options: ClusterOptions(nodeCount: count))
    simulation.bootAll()
    #expect(simulation.run(limit: 1_000_000_000) { $0.isOneCluster } == nil)
    for node in simulation.running {
      #expect(node.membership.map.members.count == count)
      #expect(node.membership.examinationCount <= 16 * count)
    }
  }

  @Test func waitingForTheLastOneCostsALookAtEachNowAndThen() {
    let count = 24
    let simulation = ClusterSimulation(
      seed: 1, machineCount: count, options: ClusterOptions(nodeCount: count + 1))
    simulation.bootAll()
    #expect(simulation.run(1_300_000_000) == nil)
    for node in simulation.running {
      #expect(node.membership.state == .gathering)
      // Once for each of 40 scans in the second in which it may found a cluster.
      #expect(node.membership.examinationCount <= 44 * count)
      #expect(node.membership.examinationCount >= 30 * count)
    }
  }

  /// One node against 255 whose frames the test writes.
  @Test func oneOfTheLargestClusterLooksAtEachOtherAFewTimes() throws {
    let count = NodeID.limit
    let simulation = ClusterSimulation(seed: 2, machineCount: 1, options: ClusterOptions(nodeCount: count))
    simulation.boot(0)
    let node = try #require(simulation.nodes[0])
    func others(_ action: (Int) -> Void) { for index in 1..<count { action(index) } }
    for _ in 0..<4 {
      others { index in
        var announcement = ClusterSimulation.announcement
        announcement.nodeCount = UInt16(count)
        announcement.address = simulation.address(index)
        _ = simulation.inject(announcement, from: announcement.address, Incarnation(9), to: 0)
      }
      #expect(simulation.run(100_000_000) == nil)
    }
    #expect(node.membership.state == .agreeing)
    let proposalEpoch = node.membership.proposalEpoch
    var view = View(
      epoch: try #require(proposalEpoch), stage: .proposed, members: node.membership.proposal.members,
      digest: node.membership.proposal.digest)
    for stage in [View.Stage.proposed, .agreed] {
      view.stage = stage
      others { _ = simulation.inject(view, from: simulation.address($0), Incarnation(9), to: 0) }
    }
    #expect(node.isMember && node.membership.map.members.count == count)
    #expect(node.membership.examinationCount <= 16 * count)
  }
}
