import Coherence
import Memory
import Testing
import Wire

@testable import Simulator

/// A cluster of three nodes and one page, whose home is node 0; a test decides what happens next.
///
/// Every invariant is checked after each step.
struct Race {
  var world: World<SoundRules>

  init(keepsStaleCopies: Bool = true) {
    var configuration = CheckConfiguration()
    configuration.pagesAtHome = [1, 0, 0]
    configuration.keepsStaleCopies = keepsStaleCopies
    world = World(configuration, rules: SoundRules())
  }

  private mutating func take(_ step: Step, _ location: SourceLocation) {
    world.take(step)
    #expect(world.violatedInvariant() == nil, sourceLocation: location)
  }

  mutating func happens(_ kind: Step.Kind, _ node: Int, at location: SourceLocation = #_sourceLocation) {
    take(Step(kind, node, 0), location)
  }

  /// The oldest message of `sender` to `receiver` arrives; it must be of this kind.
  mutating func arrives(
    _ kind: CoherenceMessage.Kind, from sender: Int, to receiver: Int,
    at location: SourceLocation = #_sourceLocation
  ) {
    guard messages(sender, receiver).first == kind else {
      Issue.record("on its way: \(messages(sender, receiver))", sourceLocation: location)
      return
    }
    take(Step(.deliver, receiver, sender), location)
  }

  /// Everything takes its course, until nothing moves any more.
  mutating func settle(at location: SourceLocation = #_sourceLocation) {
    var isMoving = true
    while isMoving {
      isMoving = false
      var next: Step?
      world.forEachStep { step in
        if step.kind == .deliver || step.kind == .shotDown || step.kind == .release { next = next ?? step }
      }
      if let next {
        take(next, location)
        isMoving = true
      }
    }
    #expect(world.isQuiet, sourceLocation: location)
  }

  /// `node` accesses the page, alone, to the end.
  mutating func access(_ kind: Step.Kind, _ node: Int, at location: SourceLocation = #_sourceLocation) {
    happens(kind, node, at: location)
    settle(at: location)
    if kind == .writeFault { happens(.write, node, at: location) }
  }

  func messages(_ sender: Int, _ receiver: Int) -> [CoherenceMessage.Kind] {
    world.queues[sender * 3 + receiver].map(\.message.kind)
  }

  func contents(_ sender: Int, _ receiver: Int) -> [CoherenceMessage.Content] {
    world.queues[sender * 3 + receiver].map(\.message.content)
  }

  func state(_ node: Int) -> CacheState { world.cachePage(node, 0).state }

  var home: HomeState { world.homePage(0).state }
}
