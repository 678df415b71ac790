import Ethernet
import Cluster
import Support
import Testing
import Wire

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
}
