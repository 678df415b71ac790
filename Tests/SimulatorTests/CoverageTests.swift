import Coherence
import Testing
import Wire

@testable import Simulator

/// The tables say what can happen, and the checker finds out what does: it is the same.
struct CoverageTests {
  /// What happens, as "state event", on the cache side and on the home side.
  private static func happenings(_ configuration: CheckConfiguration) -> (
    cache: Set<String>, home: Set<String>
  ) {
    var cache: Set<String> = []
    var home: Set<String> = []
    var checker = Checker(configuration: configuration, rules: SoundRules())
    checker.observe = { world, step in
      let node = Int(step.node)
      guard step.kind == .deliver else {
        let event = step.kind == .pinnedWriteFault ? "writeFault" : "\(step.kind)"
        if step.kind != .write {
          cache.insert("\(world.cachePage(node, Int(step.other)).state.symbol) \(event)")
        }
        return
      }
      let message = world.queues[Int(step.other) * world.nodeCount + node][0].message
      let page = Int(message.page.value)
      if message.kind.isForHome {
        home.insert("\(world.homePage(page).state.symbol) \(message.kind)")
      } else {
        cache.insert("\(world.cachePage(node, page).state.symbol) \(message.kind)")
      }
    }
    #expect(checker.run().violation?.problem == nil)
    return (cache, home)
  }

  @Test func whatTheTablesSayIsWhatHappens() {
    var two = CheckConfiguration()
    two.waits = true
    two.lacksRoom = true
    var three = CheckConfiguration()
    three.pagesAtHome = [1, 0, 0]
    three.pins = false
    three.keepsStaleCopies = false
    three.checksLiveness = false
    let happenings = [Self.happenings(two), Self.happenings(three)]
    let cache = happenings.reduce(into: Set<String>()) { $0.formUnion($1.cache) }
    let home = happenings.reduce(into: Set<String>()) { $0.formUnion($1.home) }

    var cacheTable: Set<String> = []
    for state in CacheState.allCases {
      for situation in CacheTable.situations(state) {
        for event in CacheTable.events where CacheTable.outcome(situation, event) != nil {
          // Pins and faults that are settled already can be reported at any time.
          let isQuiet = event.isRelease || event.name == "expire" || event.name.hasSuffix("Fault")
          if !isQuiet { cacheTable.insert("\(state.symbol) \(event.name)") }
        }
      }
    }
    var homeTable: Set<String> = []
    for situation in HomeTable.situations {
      for message in HomeTable.events where HomeTable.outcome(situation, message) != nil {
        homeTable.insert("\(situation.state.symbol) \(message.kind)")
      }
    }
    let messagesAndMore = cache.filter { !$0.hasSuffix("Fault") && !$0.hasSuffix("release") }
    #expect(messagesAndMore == cacheTable)
    #expect(home == homeTable)
    // Every fault that opens a request, or that waits, was among the steps, too.
    for state in CacheState.allCases where state != .modified {
      #expect(cache.contains("\(state.symbol) writeFault"))
    }
  }
}
