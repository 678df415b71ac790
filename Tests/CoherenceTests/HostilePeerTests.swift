import Coherence
import Memory
import Support
import Testing
import Wire

/// A peer may send anything at any time: the engine breaks the link or goes on, but it neither traps nor stops.
struct HostilePeerTests {
  @Test func noMessageOfAPeerStopsTheEngine() {
    var broken = 0
    for seed: UInt64 in 0..<40 {
      var generator = SeededGenerator(seed: seed)
      let homes = HomeMap(pageCounts: [2, 2, 0, 0])
      var engine = CoherenceEngine(local: NodeID(0), homes: homes)
      for _ in 0..<1000 {
        let page = PageNumber(UInt64.random(in: 0...4, using: &generator))
        if Int.random(in: 0..<4, using: &generator) == 0 {
          disturb(&engine, page, &generator)
        } else {
          let message = Self.message(page, &generator)
          engine.receive(message, from: NodeID(.random(in: 1...4, using: &generator)))
        }
        while let action = engine.nextAction() {
          switch action {
          case .stop(let fault): Issue.record("seed \(seed): \(fault)")
          case .breakLink: broken += 1
          default: break
          }
        }
      }
    }
    #expect(broken > 1000)
  }

  /// An event that the node's own, correct driver may report.
  private func disturb(
    _ engine: inout CoherenceEngine<SoundRules>, _ page: PageNumber, _ generator: inout SeededGenerator
  ) {
    guard page.value < 4 else { return }
    if engine.cachePage(page).state.isShootingDown {
      _ = engine.handle(.shotDown, on: page)
    } else {
      let events: [LocalEvent] = [.readFault, .writeFault, .evict, .forget, .release, .expire]
      _ = engine.handle(events.randomElement(using: &generator)!, on: page)
    }
  }

  private static func message(_ page: PageNumber, _ generator: inout SeededGenerator) -> CoherenceMessage {
    var message = CoherenceMessage(CoherenceMessage.Kind.allCases.randomElement(using: &generator)!, page)
    let contents: [CoherenceMessage.Content] = [.none, .zero, .page, .changes]
    message.content = contents.randomElement(using: &generator)!
    message.isExclusive = .random(using: &generator)
    message.requester = NodeID(.random(in: 0...5, using: &generator))
    message.acknowledgements = [0, 0, 1, 2, 255, 256, .max].randomElement(using: &generator)!
    message.version = PageVersion(.random(in: 0...3, using: &generator))
    message.known = PageVersion(.random(in: 0...3, using: &generator))
    return message
  }
}
