import Support
import Testing
import Wire

#if DEBUG
  private let seedCount: UInt64 = 500
#else
  private let seedCount: UInt64 = 5_000
#endif

struct LinkRebootTests {
  /// Nodes reboot in the middle of everything, and what their former incarnations sent still comes.
  @Test func aRebootedPeerIsANewLink() {
    for seed in 0..<seedCount {
      var generator = SeededGenerator(seed: ~seed)
      let nodeCount = Int.random(in: 2...4, using: &generator)
      let simulation = LinkSimulation(seed: seed, nodeCount: nodeCount, faults: .random(&generator))
      for step in 0..<12 as Range<UInt64> {
        let sender = Int.random(in: 0..<nodeCount, using: &generator)
        let receiver = (sender + Int.random(in: 1..<nodeCount, using: &generator)) % nodeCount
        simulation.after(step * 1_500_000) { $0.send(2, from: sender, to: receiver) }
        if step % 4 == 2 {
          let rebooted = Int.random(in: 0..<nodeCount, using: &generator)
          simulation.after(step * 1_500_000) { $0.reboot(rebooted) }
        }
      }
      let isQuiet = simulation.run()
      if let failure = simulation.failure() {
        Issue.record("seed \(seed): \(failure)")
        return
      }
      #expect(isQuiet)
    }
  }
}
