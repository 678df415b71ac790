import Coherence

/// Explores everything that can happen with the protocol on links, breadth first, as `Checker` does without links.
struct LinkChecker<Rules: ProtocolRules> {
  let configuration: LinkCheckConfiguration
  let rules: Rules

  func run() -> LinkCheckResult {
    let clock = ContinuousClock()
    let start = clock.now
    var result = explore()
    result.duration = clock.now - start
    return result
  }

  private func explore() -> LinkCheckResult {
    var result = LinkCheckResult()
    var visited = VisitedStates<LinkStep>()
    var transitions = Transitions()
    let first = LinkWorld(configuration, rules: rules)
    _ = visited.insert(first.hash, parent: 0, step: nil)
    var ancestry = Ancestry<LinkWorld<Rules>, LinkStep>(first)
    var frontier = 0..<1
    while !frontier.isEmpty {
      for number in frontier {
        let world = ancestry.world(number, depth: result.depth, visited) { $0.take($1) }
        result.mostFrames = max(result.mostFrames, world.flights[0].count + world.flights[1].count)
        transitions.beginState(isQuiet: world.isQuiet)
        if world.isQuiet { result.quietCount += 1 }
        var found: (LinkStep, String)?
        world.forEachStep { step in
          guard found == nil else { return }
          var successor = world
          successor.take(step)
          result.transitionCount += 1
          let (target, isNew) = visited.insert(successor.hash, parent: number, step: step)
          transitions.add(target)
          if let problem = isNew ? successor.violatedInvariant() : successor.violation {
            found = (step, problem)
          }
        }
        result.stateCount = visited.count
        if let (step, problem) = found {
          result.violation = (problem, visited.path(to: number) + [step])
          return result
        }
        if visited.count > configuration.stateLimit {
          result.isComplete = false
          return result
        }
      }
      frontier = frontier.upperBound..<visited.count
      if !frontier.isEmpty { result.depth += 1 }
    }
    if let stuck = transitions.firstWithoutWayToQuiet() {
      result.violation = ("from here no quiet state can be reached", visited.path(to: stuck))
    } else if let turning = transitions.firstOnCycle() {
      result.violation = ("from here it can go round and round", visited.path(to: turning))
    }
    return result
  }
}

struct LinkCheckResult {
  var stateCount = 0
  var transitionCount = 0
  var quietCount = 0
  var depth = 0
  /// In flight at a time, both ways together.
  var mostFrames = 0
  var isComplete = true
  var duration = Duration.zero
  var violation: (problem: String, path: [LinkStep])?
}
