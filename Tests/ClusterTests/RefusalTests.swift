import Ethernet
import Cluster
import Support
import Testing
import Wire

/// Who is refused, and why. A refusal is an event on both sides, once.
struct RefusalTests {
  private static func make(_ machineCount: Int, nodes: Int) -> ClusterSimulation {
    ClusterSimulation(seed: 5, machineCount: machineCount, options: ClusterOptions(nodeCount: nodes))
  }

  private func refusals(by node: SimulatedNode?) -> [Refusal] {
    guard let node else { return [] }
    return node.events.compactMap { if case .refused(_, let refusal) = $0 { refusal } else { nil } }
  }

  private func refusals(of node: SimulatedNode) -> [Refusal] {
    node.events.compactMap { if case .refusedBy(_, _, let refusal) = $0 { refusal } else { nil } }
  }

  /// The last of three machines announces something else, and the other two form a cluster without it.
  private func expectRefusal(
    _ reason: Refusal.Reason, detail: UInt64, _ change: @escaping (inout Announcement) -> Void
  ) throws {
    let simulation = Self.make(3, nodes: 2)
    simulation.announcement = {
      var announcement = ClusterSimulation.announcement
      if $0 == 2 { change(&announcement) }
      return announcement
    }
    simulation.bootAll()
    #expect(simulation.run(2_000_000_000) == nil)
    let other = try #require(simulation.nodes[2])
    #expect(other.membership.state == .gathering)
    for node in simulation.running.prefix(2) {
      #expect(node.isMember)
      #expect(refusals(by: node) == [Refusal(reason, detail: detail)])
    }
    #expect(refusals(of: other) == Array(repeating: Refusal(reason, detail: detail), count: 2))
  }

  @Test func softwareThatMayNotFitIsRefused() throws {
    try expectRefusal(.softwareVersion, detail: 0) { $0.software.build = 7 }
  }

  @Test func aNumberThatTheClusterDoesNotHaveIsRefused() throws {
    try expectRefusal(.nodeCount, detail: 2) { $0.wantedID = NodeID(2) }
  }

  @Test func anotherNumberOfNodesIsRefused() throws {
    let simulation = Self.make(3, nodes: 2)
    simulation.bootAll()
    #expect(simulation.run(1_000_000_000) == nil)
    var announcement = ClusterSimulation.announcement
    announcement.nodeCount = 3
    announcement.address = MACAddress(0x0200_0000_0099)
    let seen = simulation.inject(announcement, from: announcement.address, Incarnation(9), to: 0)
    #expect(seen == [Refusal(.nodeCount, detail: 2)])
  }

  @Test func ofTwoThatWantANumberTheLowerAddressKeepsIt() throws {
    let simulation = Self.make(3, nodes: 2)
    simulation.announcement = {
      var announcement = ClusterSimulation.announcement
      announcement.wantedID = $0 == 2 ? .none : NodeID(1)
      return announcement
    }
    simulation.bootAll()
    #expect(simulation.run(2_000_000_000) == nil)
    #expect(simulation.running.map(\.isMember) == [true, false, true])
    #expect(simulation.nodes[0]?.links.local.id == NodeID(1))
    #expect(simulation.nodes[2]?.links.local.id == NodeID(0))
    let loser = try #require(simulation.nodes[1])
    #expect(refusals(of: loser).allSatisfy { $0 == Refusal(.duplicateID, detail: 1) })
    #expect(refusals(of: loser).count == 2)
  }

  @Test func aNumberOfAMemberIsRefused() throws {
    let simulation = Self.make(3, nodes: 2)
    simulation.announcement = {
      var announcement = ClusterSimulation.announcement
      announcement.wantedID = NodeID(UInt16(2 - $0) & 1)
      return announcement
    }
    simulation.boot(1)
    simulation.boot(2)
    #expect(simulation.run(1_000_000_000) == nil)
    simulation.boot(0)
    #expect(simulation.run(2_000_000_000) == nil)
    let late = try #require(simulation.nodes[0])
    #expect(refusals(of: late) == Array(repeating: Refusal(.duplicateID, detail: 0), count: 2))
    #expect(simulation.running.map(\.isMember) == [false, true, true])
  }

  @Test func ofTwoWithOneAddressOneIsRefused() throws {
    let simulation = Self.make(3, nodes: 3)
    simulation.address = { MACAddress(0x0200_0000_0000 + UInt64($0 % 2)) }
    simulation.bootAll()
    #expect(simulation.run(2_000_000_000) == nil)
    #expect(simulation.running.allSatisfy { !$0.isMember })
    let twins = [simulation.nodes[0], simulation.nodes[2]].compactMap { $0 }
    let loser = try #require(twins.max { $0.incarnation.value < $1.incarnation.value })
    #expect(refusals(of: loser).contains { $0.reason == .duplicateAddress })
  }

  @Test func aFullClusterRefusesAndTakesTheNodeInWhenThereIsRoom() throws {
    let simulation = Self.make(3, nodes: 2)
    simulation.boot(1)
    simulation.boot(2)
    #expect(simulation.run(1_000_000_000) == nil)
    simulation.boot(0)
    #expect(simulation.run(2_000_000_000) == nil)
    let late = try #require(simulation.nodes[0])
    #expect(late.membership.state == .gathering)
    #expect(refusals(of: late) == Array(repeating: Refusal(.clusterFull), count: 2))
    simulation.kill(1)
    #expect(simulation.run(2_000_000_000) == nil)
    #expect(late.isMember && simulation.isOneCluster)
    #expect(late.links.local.id == NodeID(0))
  }

  @Test func whoWasDeclaredDownIsToldAndStops() throws {
    let simulation = Self.make(3, nodes: 3)
    simulation.bootAll()
    #expect(simulation.run(limit: 1_000_000_000) { $0.isOneCluster } == nil)
    simulation.partition([2])
    #expect(simulation.run(2_000_000_000) == nil)
    #expect(simulation.nodes[0]?.membership.map.members.count == 2)
    simulation.mend()
    #expect(simulation.run(500_000_000) == nil)
    let other = try #require(simulation.nodes[2])
    #expect(other.membership.state == .expelled)
    #expect(other.events.last == .expelled(Epoch(2)))
    #expect(refusals(of: other).contains { $0.reason == .declaredDown })
    #expect(
      other.links.peers.isEmpty && other.membership.deadline == .never && !other.membership.hasDatagrams)
    #expect(simulation.run(2_000_000_000) == nil)
    #expect(other.events.last == .expelled(Epoch(2)))
  }

  @Test func aMemberOfAnotherClusterIsAStranger() throws {
    let simulation = Self.make(1, nodes: 1)
    simulation.boot(0)
    #expect(simulation.run(500_000_000) == nil)
    let stranger = MACAddress(0x0200_0000_0001)
    let heartbeat = Heartbeat(number: 1, heard: NodeSet(), digest: 1)
    var seen: [Refusal] = []
    for _ in 0..<20 {
      seen += simulation.inject(heartbeat, from: stranger, Incarnation(9), id: NodeID(1), Epoch(1), to: 0)
      #expect(simulation.run(100_000_000) == nil)
    }
    // After a while, and then rarely, with what its own cluster weighs.
    #expect(seen.count == 2 && seen.allSatisfy { $0 == Refusal(.stranger, detail: 1 | 1 << 32) })
    #expect(refusals(by: simulation.nodes[0]).count == 1)
  }

  @Test func anotherVersionIsRefusedOnceInAWhile() throws {
    let simulation = Self.make(1, nodes: 2)
    simulation.boot(0)
    let heartbeat = Heartbeat(number: 1, heard: NodeSet(), digest: 1)
    func inject(_ change: (inout FrameHeader) -> Void) -> [Refusal] {
      simulation.inject(heartbeat, from: MACAddress(0x0200_0000_0001), Incarnation(9), to: 0, change)
    }
    #expect(inject { $0.version = 3 } == [Refusal(.protocolVersion, detail: 2)])
    #expect(inject { $0.version = 3 } == [])
    #expect(simulation.run(600_000_000) == nil)
    #expect(inject { $0.version = 3 } == [Refusal(.protocolVersion, detail: 2)])
    #expect(refusals(by: simulation.nodes[0]) == [Refusal(.protocolVersion, detail: 2)])
    // Not others' clusters, nor groups.
    let others: [(inout FrameHeader) -> Void] = [
      { $0.cluster = ClusterID(8) }, { $0.source = .broadcast }, { $0.source = MACAddress(0x0300_0000_0001) },
    ]
    for change in others {
      let seen = inject {
        $0.version = 4
        $0.senderIncarnation = Incarnation(10)
        change(&$0)
      }
      #expect(seen == [])
    }
  }

  @Test func noRefusalIsAnswered() throws {
    let simulation = Self.make(1, nodes: 1)
    simulation.boot(0)
    #expect(simulation.run(500_000_000) == nil)
    let node = try #require(simulation.nodes[0])
    for reason in 0..<12 as Range<UInt16> {
      for version in [FrameLayout.currentVersion, 3] {
        let refusal = Refusal(Refusal.Reason(rawValue: reason), detail: 5)
        let seen = simulation.inject(refusal, from: MACAddress(0x0200_0000_0001), Incarnation(9), to: 0) {
          $0.version = version
          $0.receiverIncarnation = node.incarnation
        }
        #expect(seen == [])
      }
    }
    #expect(node.isMember)
    #expect(refusals(of: node).count == 12)
    #expect(refusals(by: node) == [])
  }
}
