import Cluster
import Support
import Testing
import Wire

/// What becomes of a cluster whose members fall silent, boot anew, or hear some only.
struct FailureTests {
  /// Time beyond `failureTime` in which the survivors have agreed: a scan late, and the two stages.
  private static let margin: UInt64 = 100_000_000

  private func makeCluster(_ count: Int, seed: UInt64 = 3) -> ClusterSimulation {
    let simulation = ClusterSimulation(
      seed: seed, machineCount: count, options: ClusterOptions(nodeCount: count))
    simulation.bootAll()
    #expect(simulation.run(limit: 500_000_000) { $0.isOneCluster } == nil)
    #expect(simulation.run(250_000_000) == nil)
    return simulation
  }

  private func kinds(_ node: SimulatedNode?) -> [String] {
    guard let node else { return [] }
    return node.events.map {
      switch $0 {
      case .formed(let epoch): "formed \(epoch.value)"
      case .changed(let epoch): "changed \(epoch.value)"
      case .suspected(let id, _): "suspected \(id.value)"
      case .recovered(let id): "recovered \(id.value)"
      case .down(let id, let epoch, _): "down \(id.value) \(epoch.value)"
      case .rebooted(let id, _): "rebooted \(id.value)"
      case .refused(_, let refusal): "refused \(refusal.reason.rawValue)"
      case .refusedBy(_, _, let refusal): "refusedBy \(refusal.reason.rawValue)"
      case .expelled(let epoch): "expelled \(epoch.value)"
      }
    }
  }

  @Test(arguments: [2, 3, 4])
  func aDeadMemberIsDownForAllInTime(count: Int) {
    let simulation = makeCluster(count)
    simulation.kill(count - 1)
    let start = simulation.now
    #expect(simulation.run(limit: 2_000_000_000) { $0.isOneCluster } == nil)
    let time = simulation.now - start
    #expect(time >= 890_000_000 && time <= 1_000_000_000 + Self.margin)
    for node in simulation.running {
      let id = count - 1
      #expect(kinds(node) == ["formed 1", "suspected \(id)", "down \(id) 2", "changed 2"])
      #expect(node.links.peers.count == count - 2)
    }
  }

  @Test func aDeadMemberIsDownSoonWhereManyFramesAreLost() {
    for seed in 0..<20 as Range<UInt64> {
      let simulation = makeCluster(4, seed: seed)
      simulation.faults.loss = 0.3
      simulation.kill(2)
      #expect(simulation.run(limit: 1_000_000_000 + 600_000_000) { $0.isOneCluster } == nil)
    }
  }

  @Test func theLastHeardIsReported() throws {
    let simulation = makeCluster(2)
    simulation.kill(1)
    let node = try #require(simulation.nodes[0])
    let death = node.instant(simulation.now)
    #expect(simulation.run(1_500_000_000) == nil)
    let heard = node.events.compactMap { if case .down(_, _, let heard) = $0 { heard } else { nil } }
    #expect(heard.count == 1)
    #expect(
      heard.allSatisfy { $0.nanoseconds < death.nanoseconds + 1_000_000 && death.since($0) < 110_000_000 })
  }

  @Test func aCableThatIsPulledForAWhileIsNotFatal() {
    let simulation = makeCluster(3)
    simulation.partition([1])
    #expect(simulation.run(800_000_000) == nil)
    simulation.mend()
    #expect(simulation.run(3_000_000_000) == nil)
    #expect(simulation.isOneCluster)
    for node in simulation.running { #expect(node.membership.map.epoch == Epoch(1)) }
    #expect(kinds(simulation.nodes[0]) == ["formed 1", "suspected 1", "recovered 1"])
  }

  @Test func whoDidNotRunDoesNotBlameTheOthers() {
    let simulation = makeCluster(3)
    simulation.pause(1, for: 850_000_000)
    #expect(simulation.run(3_000_000_000) == nil)
    #expect(simulation.isOneCluster)
    #expect(kinds(simulation.nodes[1]) == ["formed 1"])
  }

  @Test func whoDidNotRunForTooLongIsExpelled() {
    let simulation = makeCluster(3)
    simulation.pause(1, for: 3_000_000_000)
    #expect(simulation.run(4_000_000_000) == nil)
    #expect(simulation.nodes[1]?.membership.state == .expelled)
    #expect(simulation.nodes[0]?.membership.map.members.count == 2)
    #expect(simulation.nodes[2]?.membership.map.digest == simulation.nodes[0]?.membership.map.digest)
  }

  @Test func aRebootedMemberIsANewOneAndGetsItsNumberAgain() throws {
    let simulation = makeCluster(3)
    simulation.boot(1)
    let start = simulation.now
    #expect(simulation.run(limit: 1_000_000_000) { $0.isOneCluster } == nil)
    #expect(simulation.now - start < 400_000_000)
    let node = try #require(simulation.nodes[0])
    #expect(kinds(node) == ["formed 1", "rebooted 1", "down 1 2", "changed 2", "changed 3"])
    let new = try #require(simulation.nodes[1])
    #expect(node.links.peer(NodeID(1))?.incarnation == new.incarnation)
    #expect(new.links.local.id == NodeID(1))
    #expect(simulation.run(1_000_000_000) == nil)
    #expect(simulation.isOneCluster)
  }

  @Test func aBrokenLinkPutsThePeerDown() throws {
    let simulation = makeCluster(3)
    let node = try #require(simulation.nodes[0])
    node.breakLink(NodeID(2), at: simulation.now)
    #expect(simulation.run(1_000_000_000) == nil)
    #expect(node.membership.map.members.count == 2)
    #expect(simulation.nodes[2]?.membership.state == .expelled)
  }

  @Test func aClusterInTwoPartsGoesOnAsOneOfThem() {
    for (side, rest) in [([0], [1, 2]), ([0, 1], [2, 3]), ([1, 3], [0, 2]), ([3], [0, 1, 2])] {
      let simulation = makeCluster(side.count + rest.count)
      simulation.partition(Set(side))
      #expect(simulation.run(2_000_000_000) == nil)
      simulation.mend()
      #expect(simulation.run(2_000_000_000) == nil)
      // The larger part, or the one with number 0.
      let winners = side.count == rest.count && side.contains(0) ? side : rest
      for node in simulation.running {
        #expect(node.membership.state == (winners.contains(node.index) ? .member : .expelled))
        #expect(node.isMember == false || node.membership.map.members.count == winners.count)
      }
    }
  }

  @Test func ofTwoThatDoNotHearEachOtherTheLowerNumberStays() {
    for (sender, receiver) in [(0, 2), (2, 0), (1, 2), (2, 1)] {
      for isBothWays in [false, true] {
        let simulation = makeCluster(4)
        simulation.cut(from: sender, to: receiver)
        if isBothWays { simulation.cut(from: receiver, to: sender) }
        #expect(simulation.run(4_000_000_000) == nil)
        let loser = max(sender, receiver)
        for node in simulation.running {
          #expect(
            node.membership.state == (node.index == loser ? .expelled : .member), "\(sender) \(receiver)")
          #expect(node.index == loser || node.membership.map.members.count == 3)
        }
      }
    }
  }

  @Test func whoHearsNobodyIsLeftBehind() throws {
    let simulation = makeCluster(3)
    simulation.cut(from: 1, to: 0)
    simulation.cut(from: 2, to: 0)
    #expect(simulation.run(5_000_000_000) == nil)
    for index in [1, 2] {
      let node = try #require(simulation.nodes[index])
      #expect(node.isMember && node.membership.map.members.count == 2)
    }
    // It can't know better before it hears the others again.
    simulation.mend()
    #expect(simulation.run(1_000_000_000) == nil)
    #expect(simulation.nodes[0]?.membership.state == .expelled)
    #expect(simulation.nodes[1]?.isMember == true && simulation.nodes[2]?.isMember == true)
  }

  @Test func twoClustersThatMeetBecomeOne() throws {
    let simulation = ClusterSimulation(seed: 9, machineCount: 4, options: ClusterOptions(nodeCount: 2))
    simulation.partition([0, 3])
    simulation.bootAll()
    #expect(simulation.run(1_000_000_000) == nil)
    #expect(simulation.running.allSatisfy { $0.isMember })
    simulation.mend()
    #expect(simulation.run(4_000_000_000) == nil)
    #expect(simulation.running.map { $0.membership.state } == [.member, .expelled, .expelled, .member])
  }
}
