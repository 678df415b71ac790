import Testing
import Wire

/// What losses cost, in frames: the figures of docs/decisions/links-go-back.md.
struct LinkCostTests {
  /// Frames with messages on the network, for each that there would be without faults: a thousand pages go from one node
  /// to another, `ahead` at a time.
  private func framesPerFrame(_ faults: NetworkFaults, ahead: Int) throws -> Double {
    var needed: UInt64 = 0
    var sent: UInt64 = 0
    for seed in 0..<4 as Range<UInt64> {
      let simulation = LinkSimulation(seed: seed, nodeCount: 2, faults: faults, pageShare: 1)
      simulation.jitter = 0
      func next(_ simulation: LinkSimulation) {
        let count = simulation.nodes[0].sentCount(to: NodeID(1))
        guard count < 250 else { return }
        let behind = count - Int(simulation.nodes[1].receivedCounts[0])
        if behind < ahead { simulation.send(min(ahead - behind, 250 - count), from: 0, to: 1) }
        simulation.after(20_000, next)
      }
      simulation.after(0, next)
      #expect(simulation.run())
      #expect(simulation.failure() == nil)
      for (node, other) in [(0, 1), (1, 0)] as [(Int, UInt16)] {
        let counters = simulation.nodes[node].links.counters(NodeID(other))
        needed += counters.framesSent
        sent += counters.framesSent + counters.retransmissions
      }
    }
    return Double(sent) / Double(needed)
  }

  @Test(arguments: [
    (NetworkFaults(loss: 0.001), 1.1, 1.05), (NetworkFaults(loss: 0.01), 1.4, 1.1),
    (NetworkFaults(loss: 0.1), 2.5, 1.6), (NetworkFaults(loss: 0.3), 4, 3),
    (NetworkFaults(reordering: 0.1), 3, 1.6),
  ])
  func lossesCostSoMuch(faults: NetworkFaults, limitAhead: Double, limitAlone: Double) throws {
    #expect(try framesPerFrame(faults, ahead: 1) < limitAlone)
    #expect(try framesPerFrame(faults, ahead: 8) < limitAhead)
  }
}
