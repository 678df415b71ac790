import Coherence
import Wire

// Breadth first, so that the trace to what is wrong is a shortest one. Of a state only its hash stays, with the step that
// led there and from where: a trace is the list of those steps, and a state that is to be explored is made once more by
// taking them (`Ancestry`).

/// Explores everything that can happen with the protocol.
struct Checker<Rules: ProtocolRules> {
  let configuration: CheckConfiguration
  let rules: Rules
  /// Is told of each step from each state, before it is taken.
  var observe: ((World<Rules>, Step) -> Void)?
  /// Is told of each state once.
  var visit: ((World<Rules>) -> Void)?
  /// Is told of each depth, when all states of it have been explored, and of how many states are known then.
  var progress: ((_ depth: Int, _ stateCount: Int) -> Void)?

  func run() -> CheckResult {
    let clock = ContinuousClock()
    let start = clock.now
    var result = explore()
    result.duration = clock.now - start
    return result
  }

  private func explore() -> CheckResult {
    // Instructions may tell nodes apart that are alike otherwise.
    let symmetries =
      configuration.instructions.isEmpty && configuration.programs.isEmpty
      ? Symmetry.all(configuration) : [.identity(configuration)]
    var result = CheckResult()
    var visited = VisitedStates<Step>()
    var transitions = Transitions()
    var independence = configuration.checksIndependence ? PageIndependence(configuration) : nil
    let first = World(configuration, rules: rules)
    _ = visited.insert(first.hash(symmetries), parent: 0, step: nil)
    var ancestry = Ancestry<World<Rules>, Step>(first)
    var frontier = 0..<1
    var outbox = Outbox(local: NodeID(0), capacity: Outbox.capacity(nodeCount: configuration.nodeCount))
    while !frontier.isEmpty {
      for number in frontier {
        let world = ancestry.world(number, depth: result.depth, visited) { $0.take($1, &outbox) }
        visit?(world)
        independence?.begin(world)
        transitions.beginState(isQuiet: world.isQuiet && world.hasFinished)
        var found: (Step, String)?
        world.forEachStep { step in
          guard found == nil else { return }
          observe?(world, step)
          var successor = world
          successor.take(step, &outbox)
          result.transitionCount += 1
          result.longestQueue = max(result.longestQueue, successor.queues.reduce(0) { max($0, $1.count) })
          let (target, isNew) = visited.insert(successor.hash(symmetries), parent: number, step: step)
          transitions.add(target)
          if let problem = isNew ? successor.violatedInvariant() : successor.violation {
            found = (step, problem)
          } else if let problem = independence?.problem(step, world, successor) {
            found = (step, problem)
          }
        }
        if let (step, problem) = found {
          result.stateCount = visited.count
          result.violation = CheckViolation(problem: problem, path: visited.path(to: number) + [step])
          return result
        }
        if visited.count > configuration.stateLimit {
          result.stateCount = visited.count
          result.isComplete = false
          return result
        }
      }
      progress?(result.depth, visited.count)
      frontier = frontier.upperBound..<visited.count
      if !frontier.isEmpty { result.depth += 1 }
    }
    result.stateCount = visited.count
    result.pageStates = independence?.pageStates ?? []
    if configuration.checksLiveness, let stuck = transitions.firstWithoutWayToQuiet() {
      result.violation = CheckViolation(
        problem: "from here no quiet state can be reached", path: visited.path(to: stuck))
    }
    if !configuration.instructions.isEmpty, let turning = transitions.firstOnCycle() {
      result.violation = CheckViolation(
        problem: "from here it can go round and round", path: visited.path(to: turning))
    }
    return result
  }
}

struct CheckViolation {
  var problem: String
  var path: [Step]
}

struct CheckResult {
  var stateCount = 0
  var transitionCount = 0
  var depth = 0
  var longestQueue = 0
  var isComplete = true
  var duration = Duration.zero
  var violation: CheckViolation?
  /// The states that each page by itself has been in, where that was checked.
  var pageStates: Set<StateHash> = []
}
