import Ethernet
import Support
import Testing
import Wire

@testable import Cluster

/// A node against one whose frames the test writes: the stages of a map, one frame at a time.
struct LockTests {
  private static let address = MACAddress(0x0200_0000_0001)
  private static let incarnation = Incarnation(9)

  /// A node that is agreeing with the other on the first map.
  private func makeProposer() throws -> (ClusterSimulation, SimulatedNode, View) {
    let simulation = ClusterSimulation(seed: 4, machineCount: 1, options: ClusterOptions(nodeCount: 2))
    simulation.boot(0)
    let node = try #require(simulation.nodes[0])
    for _ in 0..<4 {
      announce(simulation)
      #expect(simulation.run(100_000_000) == nil)
    }
    #expect(node.membership.state == .agreeing)
    let proposalEpoch = node.membership.proposalEpoch
    let epoch = try #require(proposalEpoch)
    let members = node.membership.proposal.members
    let digest = node.membership.proposal.digest
    return (simulation, node, View(epoch: epoch, stage: .proposed, members: members, digest: digest))
  }

  private func announce(_ simulation: ClusterSimulation) {
    var announcement = ClusterSimulation.announcement
    announcement.nodeCount = 2
    announcement.address = Self.address
    _ = simulation.inject(announcement, from: Self.address, Self.incarnation, to: 0)
  }

  private func say(_ view: View, _ simulation: ClusterSimulation) {
    _ = simulation.inject(view, from: Self.address, Self.incarnation, to: 0)
  }

  @Test func aMapTakesTwoStages() throws {
    var (simulation, node, view) = try makeProposer()
    #expect(node.membership.stage == .proposed)
    say(view, simulation)
    #expect(node.membership.stage == .agreed && !node.isMember)
    say(view, simulation)
    #expect(!node.isMember)
    view.stage = .agreed
    say(view, simulation)
    #expect(node.isMember && node.membership.map.epoch == view.epoch)
  }

  @Test func agreementToAnotherMapOrEpochDoesNotCount() throws {
    let (simulation, node, view) = try makeProposer()
    var other = view
    other.stage = .agreed
    other.digest ^= 1
    say(other, simulation)
    #expect(node.membership.stage == .proposed)
    // Another map in the same epoch is not heard any more: nobody proposes two.
    say(view, simulation)
    #expect(node.membership.stage == .proposed)
  }

  @Test func theHigherEpochIsFollowedForTheSameMap() throws {
    var (simulation, node, view) = try makeProposer()
    say(view, simulation)
    #expect(node.membership.stage == .agreed)
    view.epoch = Epoch(view.epoch.value + 5)
    say(view, simulation)
    #expect(simulation.run(10_000_000) == nil)
    #expect(node.membership.proposalEpoch == view.epoch && node.membership.stage == .agreed)
    view.epoch = Epoch(view.epoch.value - 1)
    view.stage = .agreed
    say(view, simulation)
    #expect(!node.isMember)
  }

  @Test func anyFrameInTheNewEpochSaysThatAllHaveAgreed() throws {
    let (simulation, node, view) = try makeProposer()
    say(view, simulation)
    let heartbeat = Heartbeat(number: 0, heard: view.members, digest: view.digest)
    _ = simulation.inject(heartbeat, from: Self.address, Self.incarnation, id: NodeID(1), view.epoch, to: 0)
    #expect(node.isMember)
  }

  @Test func aLockThatLeadsNowhereIsGivenUp() throws {
    let (simulation, node, view) = try makeProposer()
    say(view, simulation)
    #expect(node.membership.stage == .agreed)
    var lockedTime = 0
    while !node.membership.base.isEmpty, lockedTime < 30 {
      announce(simulation)
      #expect(simulation.run(100_000_000) == nil)
      lockedTime += 1
    }
    #expect(lockedTime >= 19 && lockedTime <= 22)
  }

  @Test func whoFallsSilentWhileLockedCannotComeBack() throws {
    let (simulation, node, view) = try makeProposer()
    say(view, simulation)
    #expect(simulation.run(1_200_000_000) == nil)
    #expect(node.membership.state == .gathering)
    announce(simulation)
    #expect(simulation.run(200_000_000) == nil)
    #expect(node.membership.state == .gathering)
    #expect(node.events == [.refused(Self.address, Refusal(.declaredDown, detail: 0xFFFF << 48))])
  }

  @Test func whoIsHeardButDoesNotFollowIsDown() throws {
    var (simulation, node, view) = try makeProposer()
    view.stage = .agreed
    say(view, simulation)
    #expect(node.isMember)
    for index in 0..<25 {
      announce(simulation)
      #expect(node.membership.map.members.count == 2 || index >= 19)
      #expect(simulation.run(100_000_000) == nil)
    }
    #expect(node.membership.map.members.count == 1)
  }

  @Test func anEpochThatCannotBeExceededIsTheLast() throws {
    var (simulation, node, view) = try makeProposer()
    node.membership.highestProposed = Epoch(.max - 1)
    view.epoch = Epoch(.max)
    view.stage = .agreed
    say(view, simulation)
    #expect(node.membership.map.epoch == Epoch(.max))
    #expect(simulation.run(3_000_000_000) == nil)
    #expect(node.membership.map.members.count == 2)
  }
}
