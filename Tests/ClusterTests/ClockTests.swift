import Cluster
import Support
import Testing
import Wire

struct ClockTests {
  private func run(_ simulation: ClusterSimulation, _ time: UInt64) -> (failure: String?, checkCount: Int) {
    var count = 0
    for _ in 0..<time / 10_000_000 {
      if let failure = simulation.run(10_000_000) { return (failure, count) }
      count += simulation.checkClocks()
    }
    return (simulation.run(5_000_000), count)
  }

  /// The largest difference between the readings of any two members now.
  private func spread(_ simulation: ClusterSimulation) -> UInt64? {
    let times = simulation.running.filter(\.isMember).map { $0.clusterTime(at: simulation.now) }
    guard !times.contains(nil) else { return nil }
    let known = times.compactMap { $0 }
    return known.max()! - known.min()!
  }

  @Test func allClocksShowTheSameWithinTheirBounds() throws {
    let simulation = ClusterSimulation(seed: 7, machineCount: 4, options: ClusterOptions(nodeCount: 4))
    simulation.bootAll()
    let (failure, count) = run(simulation, 5_000_000_000)
    #expect(failure == nil)
    #expect(count > 1_500)
    // One way takes 20 to 40 µs here.
    #expect(spread(simulation) ?? .max < 20_000)
    for node in simulation.running {
      let bound = try #require(node.membership.clock.errorBound(at: node.instant(simulation.now)))
      #expect(bound < 40_000)
    }
    let time = try #require(simulation.nodes[0]?.clusterTime(at: simulation.now))
    #expect(time > 4_000_000_000 && time < 5_100_000_000)
  }

  @Test func theBoundsHoldOnABadNetwork() {
    for seed in 0..<10 as Range<UInt64> {
      let faults = NetworkFaults(loss: 0.2, duplication: 0.2, reordering: 0.3, delay: 0.1)
      let simulation = ClusterSimulation(
        seed: seed, machineCount: 3, options: ClusterOptions(nodeCount: 3), faults: faults)
      simulation.bootAll()
      let (failure, count) = run(simulation, 6_000_000_000)
      #expect(failure == nil)
      #expect(count > 500)
    }
  }

  @Test func theNextOneCarriesTheTimeOn() throws {
    let simulation = ClusterSimulation(seed: 7, machineCount: 3, options: ClusterOptions(nodeCount: 3))
    simulation.bootAll()
    #expect(run(simulation, 3_000_000_000).failure == nil)
    let before = try #require(simulation.nodes[0]?.clusterTime(at: simulation.now))
    let start = simulation.now
    simulation.kill(0)
    #expect(run(simulation, 3_000_000_000).failure == nil)
    let after = try #require(simulation.nodes[1]?.clusterTime(at: simulation.now))
    let elapsed = simulation.now - start
    #expect(after - before > elapsed - 500_000 && after - before < elapsed + 500_000)
    #expect(spread(simulation) ?? .max < 20_000)
    #expect(
      simulation.nodes[1]?.membership.clock.errorBound(at: simulation.nodes[1]!.instant(simulation.now)) == 0)
  }

  @Test func aRebootedLeaderTakesTheTimeFromTheOthers() throws {
    let simulation = ClusterSimulation(seed: 8, machineCount: 3, options: ClusterOptions(nodeCount: 3))
    simulation.bootAll()
    #expect(run(simulation, 3_000_000_000).failure == nil)
    let before = try #require(simulation.nodes[1]?.clusterTime(at: simulation.now))
    let start = simulation.now
    simulation.boot(0)
    #expect(run(simulation, 3_000_000_000).failure == nil)
    let after = try #require(simulation.nodes[0]?.clusterTime(at: simulation.now))
    let elapsed = simulation.now - start
    #expect(after - before > elapsed - 500_000 && after - before < elapsed + 500_000)
    #expect(simulation.nodes[0]?.links.local.id == NodeID(0))
    #expect(spread(simulation) ?? .max < 20_000)
  }

  @Test func thereIsNoTimeBeforeThereIsACluster() throws {
    let simulation = ClusterSimulation(seed: 8, machineCount: 2, options: ClusterOptions(nodeCount: 2))
    simulation.boot(0)
    #expect(simulation.run(1_000_000_000) == nil)
    let node = try #require(simulation.nodes[0])
    let now = node.instant(simulation.now)
    #expect(node.membership.clock.time(at: now) == nil && node.membership.clock.errorBound(at: now) == nil)
  }

  @Test func aNodeAloneHasTheTime() throws {
    let simulation = ClusterSimulation(seed: 8, machineCount: 1, options: ClusterOptions(nodeCount: 1))
    simulation.boot(0)
    #expect(run(simulation, 1_000_000_000).checkCount > 90)
    let node = try #require(simulation.nodes[0])
    #expect(node.clusterTime(at: simulation.now) ?? 0 > 900_000_000)
  }
}
