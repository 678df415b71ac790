import Ethernet
import Cluster
import Support
import Testing
import Wire

/// How nodes that have booted become a cluster.
struct FormationTests {
  @Test(arguments: [1, 2, 3, 4, 16])
  func nodesFormACluster(count: Int) {
    let simulation = ClusterSimulation(
      seed: UInt64(count), machineCount: count, options: ClusterOptions(nodeCount: count))
    simulation.bootAll()
    #expect(simulation.run(limit: 500_000_000) { $0.isOneCluster } == nil)
    for node in simulation.running {
      #expect(node.membership.map.epoch == Epoch(1))
      #expect(node.events == [.formed(Epoch(1))])
      // In the order of their addresses.
      #expect(node.links.local.id == NodeID(UInt16(node.index)))
    }
  }

  @Test func theLastMayComeLateAndTheFirstTwoWait() {
    let simulation = ClusterSimulation(seed: 1, machineCount: 3, options: ClusterOptions(nodeCount: 3))
    simulation.boot(0)
    simulation.boot(2)
    #expect(simulation.run(10_000_000_000) == nil)
    #expect(simulation.running.allSatisfy { $0.membership.state == .gathering })
    simulation.boot(1)
    #expect(simulation.run(limit: 500_000_000) { $0.isOneCluster } == nil)
  }

  @Test func theyFormWhereATenthOfTheFramesIsLost() {
    for seed in 0..<20 as Range<UInt64> {
      let simulation = ClusterSimulation(
        seed: seed, machineCount: 4, options: ClusterOptions(nodeCount: 4), faults: NetworkFaults(loss: 0.1))
      simulation.bootAll()
      #expect(simulation.run(limit: 1_500_000_000) { $0.isOneCluster } == nil)
    }
  }

  @Test func nodesGetTheNumbersThatTheyWant() {
    let simulation = ClusterSimulation(seed: 1, machineCount: 4, options: ClusterOptions(nodeCount: 4))
    simulation.announcement = {
      var announcement = ClusterSimulation.announcement
      if $0 == 0 { announcement.wantedID = NodeID(3) }
      if $0 == 3 { announcement.wantedID = NodeID(1) }
      return announcement
    }
    simulation.bootAll()
    #expect(simulation.run(limit: 500_000_000) { $0.isOneCluster } == nil)
    #expect(simulation.running.map { $0.links.local.id.value } == [3, 0, 2, 1])
  }

  @Test func ofTooManyThoseWithTheLowestAddressesAreTaken() {
    let simulation = ClusterSimulation(seed: 1, machineCount: 4, options: ClusterOptions(nodeCount: 2))
    simulation.bootAll()
    #expect(simulation.run(1_000_000_000) == nil)
    #expect(simulation.running.map(\.isMember) == [true, true, false, false])
  }

  @Test func theMapSaysWhatTheMembersHaveAnnounced() throws {
    let simulation = ClusterSimulation(seed: 1, machineCount: 2, options: ClusterOptions(nodeCount: 2))
    simulation.announcement = {
      var announcement = ClusterSimulation.announcement
      announcement.memorySize = UInt64($0 + 1) << 30
      return announcement
    }
    simulation.bootAll()
    #expect(simulation.run(limit: 500_000_000) { $0.isOneCluster } == nil)
    for node in simulation.running {
      for other in simulation.running {
        let member = try #require(node.membership.map[other.links.local.id])
        #expect(member.announcement.memorySize == UInt64(other.index + 1) << 30)
        #expect(member.announcement.address == other.address && member.peer.incarnation == other.incarnation)
      }
      #expect(node.membership.map[NodeID(2)] == nil && node.membership.map[.none] == nil)
    }
  }
}
