import Cluster
import Support
import Testing
import Wire

#if DEBUG
  private let seedCount: UInt64 = 150
#else
  private let seedCount: UInt64 = 2_500
#endif

struct ClusterFaultTests {
  /// Four ranges of seeds, so that they run at the same time.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func nodesAgreeWhateverHappens(part: UInt64) {
    for seed in part * seedCount..<(part + 1) * seedCount {
      if let failure = run(seed: seed) {
        Issue.record("seed \(seed): \(failure)")
        return
      }
    }
  }

  /// Nodes that waited for each other: two that did not believe a refusal, and one that wanted a newcomer whom others had
  /// just given up.
  @Test(arguments: [905, 2_900, 8_093] as [UInt64])
  func nodesAgreeWhereTheyOnceDidNot(seed: UInt64) {
    #expect(run(seed: seed) == nil)
  }

  private func run(seed: UInt64, isTraced: Bool = false) -> String? {
    var generator = SeededGenerator(seed: ~seed)
    let nodeCount = generator.next() % 8 == 0 ? 5 : Int.random(in: 2...4, using: &generator)
    let machineCount = nodeCount + (generator.next() % 4 == 0 ? 1 : 0)
    let faults = NetworkFaults.random(&generator)
    let simulation = ClusterSimulation(
      seed: seed, machineCount: machineCount, options: ClusterOptions(nodeCount: nodeCount), faults: faults)
    simulation.isTraced = isTraced
    for index in 0..<machineCount {
      let delay = generator.next() % 3 == 0 ? 0 : UInt64.random(in: 0...3_000_000_000, using: &generator)
      simulation.after(delay) { $0.boot(index) }
    }
    for _ in 0..<Int.random(in: 0...6, using: &generator) {
      addTrouble(to: simulation, &generator)
    }
    checkClocks(simulation)
    if let failure = simulation.run(9_000_000_000) { return "in trouble: \(failure)" }
    simulation.heal()
    for index in 0..<machineCount where simulation.nodes[index]?.isUp != true { simulation.boot(index) }
    if let failure = simulation.run(5_000_000_000) { return "after it: \(failure)" }
    for node in simulation.running where node.membership.state == .expelled { simulation.boot(node.index) }
    if let failure = simulation.run(limit: 10_000_000_000, until: { isWhole($0, nodeCount) }) {
      let states = simulation.nodes.map { node in
        node.map {
          "\($0.membership.state) \($0.membership.map.epoch.value) \(String($0.membership.map.members[word: 0], radix: 2))"
        }
      }
      return "at the end: \(failure), \(states)"
    }
    return nil
  }

  private func isWhole(_ simulation: ClusterSimulation, _ nodeCount: Int) -> Bool {
    let members = simulation.running.filter(\.isMember)
    let others = simulation.running.filter { !$0.isMember }
    return members.count == nodeCount && others.allSatisfy { $0.membership.state == .gathering }
      && members.allSatisfy {
        $0.membership.map.digest == members[0].membership.map.digest
          && $0.membership.map.epoch == members[0].membership.map.epoch
          && $0.membership.map.members.count == nodeCount
      }
  }

  private func checkClocks(_ simulation: ClusterSimulation) {
    _ = simulation.checkClocks()
    simulation.after(37_000_000) { self.checkClocks($0) }
  }

  private func addTrouble(to simulation: ClusterSimulation, _ generator: inout SeededGenerator) {
    let machineCount = simulation.nodes.count
    let node = Int.random(in: 0..<machineCount, using: &generator)
    let other = (node + Int.random(in: 1..<machineCount, using: &generator)) % machineCount
    let start = UInt64.random(in: 0...7_000_000_000, using: &generator)
    let time = UInt64.random(in: 10_000_000...2_500_000_000, using: &generator)
    switch generator.next() % 7 {
    case 0: simulation.after(start) { $0.kill(node) }
    case 1: simulation.after(start) { $0.boot(node) }
    case 2: simulation.after(start) { $0.pause(node, for: time) }
    case 3: simulation.after(start) { $0.cut(from: node, to: other) }
    case 4:
      simulation.after(start) {
        $0.cut(from: node, to: other)
        $0.cut(from: other, to: node)
      }
    case 5: simulation.after(start) { $0.partition([node, other]) }
    default:
      simulation.after(start) { $0.partition([node]) }
      simulation.after(start + time) { $0.mend() }
    }
  }
}
