import Coherence
import Glibc

extension Main {
  /// The status: 0 where nothing is wrong, 1 where something is, 2 where the options are.
  static func check(_ arguments: [String]) -> Int32 {
    if arguments.contains("--links") { return checkLinks(arguments) }
    var configuration = CheckConfiguration()
    configuration.pagesAtHome = [1, 0, 0]
    var broken: ProtocolRule?
    var showsProgress = false
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--no-evictions": configuration.evicts = false
      case "--no-pins": configuration.pins = false
      case "--no-stale-copies": configuration.keepsStaleCopies = false
      case "--waits": configuration.waits = true
      case "--lacks-room": configuration.lacksRoom = true
      case "--no-liveness": configuration.checksLiveness = false
      case "--homes":
        let counts = (rest.popFirst() ?? "").split(separator: ",").compactMap { Int($0) }
        guard counts.count >= 2, counts.count <= 8, counts.allSatisfy({ $0 >= 0 }),
          (1...4).contains(counts.reduce(0, +))
        else { return fail("--homes takes the pages of 2 to 8 nodes, 4 pages at most") }
        configuration.pagesAtHome = counts
      case "--limit":
        guard let limit = Int(rest.popFirst() ?? ""), limit > 0 else { return fail("--limit takes a number") }
        configuration.stateLimit = limit
      case "--requests":
        guard let limit = Int(rest.popFirst() ?? ""), limit > 0 else {
          return fail("--requests takes a number")
        }
        configuration.requestLimit = limit
      case "--independence": configuration.checksIndependence = true
      case "--progress": showsProgress = true
      case "--break":
        let name = rest.popFirst() ?? ""
        broken = ProtocolRule.allCases.first { "\($0)" == name }
        guard broken != nil else {
          return fail("rules: " + ProtocolRule.allCases.map { "\($0)" }.joined(separator: " "))
        }
      default: return fail("no such option: \(option)")
      }
    }
    if let broken { return check(configuration, BrokenRule(rule: broken), showsProgress: showsProgress) }
    return check(configuration, SoundRules(), showsProgress: showsProgress)
  }

  private static func check(
    _ configuration: CheckConfiguration, _ rules: some ProtocolRules, showsProgress: Bool
  ) -> Int32 {
    var checker = Checker(configuration: configuration, rules: rules)
    if showsProgress {
      checker.progress = { depth, count in
        print("depth \(depth): \(count) states")
        fflush(nil)
      }
    }
    let result = checker.run()
    print(
      "\(result.stateCount) states, \(result.transitionCount) transitions, depth \(result.depth), "
        + "at most \(result.longestQueue) messages in a queue, \(result.duration)")
    if let violation = result.violation {
      print("\n\(violation.problem), after \(violation.path.count) steps:\n")
      print(SequenceChart(violation.path, configuration, rules: rules).text)
      return 1
    }
    guard result.isComplete else { return fail("given up: more states than --limit") }
    if configuration.checksIndependence {
      let alone = PageIndependence.statesAlone(configuration, rules)
      print("each page was in \(result.pageStates.count) of the \(alone.count) states that it has by itself")
      guard result.pageStates.isSubset(of: alone) else {
        print("it was in others, too")
        return 1
      }
    }
    print("nothing is wrong")
    return 0
  }

  static func fail(_ message: String) -> Int32 {
    print(message)
    return 2
  }
}
