import Support
import Testing
import Wire

#if DEBUG
  private let seedCount: UInt64 = 2_500
#else
  private let seedCount: UInt64 = 25_000
#endif

struct LinkFaultTests {
  /// Four ranges of seeds, so that they run at the same time.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func everyMessageArrivesOnceAndInOrderWhateverTheNetworkDoes(part: UInt64) {
    for seed in part * seedCount..<(part + 1) * seedCount {
      if let failure = run(seed: seed) {
        Issue.record("seed \(seed): \(failure)")
        return
      }
    }
  }

  private func run(seed: UInt64) -> String? {
    var generator = SeededGenerator(seed: ~seed)
    let faults = seed % 10 == 0 ? .worst : NetworkFaults.random(&generator)
    let nodeCount = Int.random(in: 2...3, using: &generator)
    var options = LinkOptions()
    // Numbers wrap in every other run.
    if generator.next() % 2 == 0 {
      options.firstSequence = SequenceNumber(.max - UInt32(generator.next() % 12))
    }
    if generator.next() % 4 == 0 { options.messageCount = 4 }
    if generator.next() % 4 == 0 {
      options.window = 3
      options.acknowledgementCount = 2
    }
    let simulation = LinkSimulation(seed: seed, nodeCount: nodeCount, faults: faults, options: options)
    for _ in 0..<6 {
      let sender = Int.random(in: 0..<nodeCount, using: &generator)
      let receiver = (sender + Int.random(in: 1..<nodeCount, using: &generator)) % nodeCount
      let count = Int.random(in: 1...4, using: &generator)
      simulation.after(UInt64.random(in: 0...3_000_000, using: &generator)) {
        $0.send(count, from: sender, to: receiver)
      }
    }
    guard simulation.run() else { return "something is left to do: \(simulation.failure() ?? "for ever")" }
    return simulation.failure()
  }
}
