import Ethernet
import Support
import Testing
import Wire

@testable import Cluster

/// What a frame alone can't do, whoever says that it has sent it.
struct TrustTests {
  private static let address = MACAddress(0x0200_0000_0077)
  private static let incarnation = Incarnation(9)
  /// What an attacker would say: epoch 7, and more members than any cluster has, or as many as this one may have.
  private static let heaviest: UInt64 = 7 | 0xFFFF << 32
  private static let heavy: UInt64 = 7 | 3 << 32

  /// Two members of three.
  private func makeCluster() -> ClusterSimulation {
    let simulation = ClusterSimulation(seed: 3, machineCount: 3, options: ClusterOptions(nodeCount: 3))
    simulation.bootAll()
    #expect(simulation.run(limit: 500_000_000) { $0.isOneCluster } == nil)
    simulation.kill(2)
    #expect(simulation.run(2_000_000_000) == nil)
    #expect(simulation.nodes[0]?.membership.map.members.count == 2)
    return simulation
  }

  private func refuse(_ reason: Refusal.Reason, _ detail: UInt64, _ simulation: ClusterSimulation) throws {
    let node = try #require(simulation.nodes[0])
    let refusal = Refusal(reason, detail: detail)
    _ = simulation.inject(
      refusal, from: Self.address, Self.incarnation, id: NodeID(1), Epoch(7), to: 0
    ) {
      $0.receiverIncarnation = node.incarnation
    }
  }

  private func beat(_ simulation: ClusterSimulation) {
    let heartbeat = Heartbeat(number: 1, heard: NodeSet(), digest: 1)
    _ = simulation.inject(heartbeat, from: Self.address, Self.incarnation, id: NodeID(1), Epoch(7), to: 0)
  }

  @Test(arguments: [Refusal.Reason.declaredDown, .stranger])
  func whoHasNotBeenHeardExpelsNobody(reason: Refusal.Reason) throws {
    let simulation = makeCluster()
    for detail in [Self.heavy, Self.heaviest] { try refuse(reason, detail, simulation) }
    #expect(simulation.nodes[0]?.isMember == true)
    // Nor long after it has been.
    beat(simulation)
    #expect(simulation.run(1_500_000_000) == nil)
    try refuse(reason, Self.heavy, simulation)
    #expect(simulation.nodes[0]?.isMember == true)
  }

  @Test(arguments: [Refusal.Reason.declaredDown, .stranger])
  func aMemberOfAHeavierClusterIsBelieved(reason: Refusal.Reason) throws {
    let simulation = makeCluster()
    beat(simulation)
    try refuse(reason, Self.heaviest, simulation)
    try refuse(reason, 7 | 4 << 32, simulation)
    // The lowest of three members can't be number 3.
    try refuse(reason, Self.heavy | 3 << 48, simulation)
    #expect(simulation.nodes[0]?.isMember == true)
    try refuse(reason, Self.heavy, simulation)
    #expect(simulation.nodes[0]?.membership.state == .expelled)
  }

  @Test func whoHasNotBeenHeardDoesNotEndANodeThatIsGathering() throws {
    let simulation = ClusterSimulation(seed: 3, machineCount: 1, options: ClusterOptions(nodeCount: 3))
    simulation.boot(0)
    #expect(simulation.run(500_000_000) == nil)
    try refuse(.declaredDown, Self.heavy, simulation)
    #expect(simulation.nodes[0]?.membership.state == .gathering)
    beat(simulation)
    try refuse(.declaredDown, Self.heavy, simulation)
    #expect(simulation.nodes[0]?.membership.state == .expelled)
  }

  /// A frame of node 1 that it has not sent.
  private func forge(
    _ message: some WireMessage, epoch: Epoch? = nil, in simulation: ClusterSimulation
  ) throws {
    let other = try #require(simulation.nodes[1])
    let epoch = epoch ?? other.membership.map.epoch
    _ = simulation.inject(message, from: other.address, other.incarnation, id: NodeID(1), epoch, to: 0)
  }

  @Test func aMembersEpochFarAheadIsNotFollowed() throws {
    let simulation = makeCluster()
    let node = try #require(simulation.nodes[0])
    let epoch = node.membership.map.epoch
    let view = View(
      epoch: Epoch(.max), stage: .agreed, members: node.membership.map.members,
      digest: node.membership.map.digest)
    try forge(view, in: simulation)
    #expect(simulation.run(500_000_000) == nil)
    try forge(Heartbeat(number: 1, heard: NodeSet(), digest: 1), epoch: Epoch(.max), in: simulation)
    #expect(simulation.run(2_000_000_000) == nil)
    #expect(node.isMember && node.membership.map.epoch == epoch)
    #expect(node.links.drops[.body] == 2)
  }

  @Test func aMembersEpochSomewhatAheadIsFollowed() throws {
    let simulation = makeCluster()
    let node = try #require(simulation.nodes[0])
    let epoch = Epoch(node.membership.map.epoch.value + 1_000)
    let view = View(
      epoch: epoch, stage: .proposed, members: node.membership.map.members, digest: node.membership.map.digest
    )
    try forge(view, in: simulation)
    #expect(simulation.run(500_000_000) == nil)
    #expect(simulation.isOneCluster && node.membership.map.epoch == epoch)
  }
}
