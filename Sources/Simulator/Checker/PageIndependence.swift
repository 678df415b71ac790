import Coherence

// Do pages influence each other? Engines keep them apart, but for the number of requests that a node may have open, and
// messages of all pages share the links. If what happens to a page, a fault that is put off aside, is what could happen to
// it alone, then all that has been checked of one page holds for any number of pages: each invariant but the bounds of
// queues speaks of one page. Here that is checked in each step between states of several pages:
//
//   - it changes nothing of any page but its own;
//   - what it makes of its own page depends on that page alone;
//   - no page gets into a state that it does not get into by itself.

/// Compares pages among others with pages by themselves.
struct PageIndependence {
  /// The states that pages have been in, with their homes as node 0.
  private(set) var pageStates: Set<StateHash> = []
  /// What each step makes of a page's state.
  private var outcomes: [StateHash: StateHash] = [:]
  /// The pages of the state at hand.
  private var before: [StateHash] = []
  private let identity: Symmetry
  /// Of each page the renamings of nodes that make its home node 0.
  private let renamings: [[Symmetry]]

  init(_ configuration: CheckConfiguration) {
    identity = .identity(configuration)
    let all = Symmetry.renamings(ofNodes: configuration.nodeCount)
    var renamings: [[Symmetry]] = []
    for node in 0..<configuration.nodeCount {
      for _ in 0..<configuration.pagesAtHome[node] {
        renamings.append(all.filter { $0.newNode[node] == 0 })
      }
    }
    self.renamings = renamings
  }

  /// Steps from `world` follow.
  mutating func begin<Rules>(_ world: World<Rules>) {
    before = (0..<world.pageCount).map { world.pageHash($0, identity) }
    if pageStates.isEmpty { for page in 0..<world.pageCount { note(page, world) } }
  }

  /// What is wrong with a step, if anything is.
  mutating func problem<Rules>(_ step: Step, _ world: World<Rules>, _ successor: World<Rules>) -> String? {
    let page = world.page(of: step)
    for other in before.indices where other != page {
      guard successor.pageHash(other, identity) == before[other] else {
        return "what happens to page \(page) changes page \(other)"
      }
    }
    let after = successor.pageHash(page, identity)
    // The fault is put off where nothing changes.
    guard after != before[page] else { return nil }
    var cause = before[page]
    // A step names its page only where it does not name a sender.
    cause.add(UInt64(page) << 32 | UInt64(step.code))
    if let known = outcomes.updateValue(after, forKey: cause) {
      return known == after ? nil : "what happens to page \(page) depends on another page"
    }
    note(page, successor)
    return nil
  }

  private mutating func note<Rules>(_ page: Int, _ world: World<Rules>) {
    pageStates.insert(renamings[page].map { world.pageHash(page, $0) }.min()!)
  }

  /// The states that one page can be in by itself, on as many nodes.
  static func statesAlone(
    _ configuration: CheckConfiguration, _ rules: some ProtocolRules
  ) -> Set<StateHash> {
    var alone = configuration
    alone.pagesAtHome = configuration.pagesAtHome.indices.map { $0 == 0 ? 1 : 0 }
    alone.requestLimit = nil
    alone.checksIndependence = false
    let symmetries = Symmetry.all(alone)
    var states: Set<StateHash> = []
    var checker = Checker(configuration: alone, rules: rules)
    checker.visit = { states.insert($0.hash(symmetries)) }
    _ = checker.run()
    return states
  }
}

extension World {
  /// The page that something happens to.
  func page(of step: Step) -> Int {
    guard step.kind == .deliver else { return Int(step.other) }
    return Int(queues[Int(step.other) * nodeCount + Int(step.node)][0].message.page.value)
  }
}
