import Coherence

extension Main {
  /// `Simulator check --links`. The status is that of `check`.
  static func checkLinks(_ arguments: [String]) -> Int32 {
    var configuration = LinkCheckConfiguration()
    var broken: ProtocolRule?
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--links": break
      case "--no-evictions": configuration.evicts = false
      case "--no-stale-copies": configuration.keepsStaleCopies = false
      case "--in-order": configuration.reorders = false
      case "--accesses", "--losses", "--duplicates", "--early-timeouts", "--limit":
        guard let count = Int(rest.popFirst() ?? ""), count >= 0, option == "--limit" || count <= 9 else {
          return fail("\(option) takes a number")
        }
        switch option {
        case "--accesses": configuration.accesses = count
        case "--losses": configuration.losses = count
        case "--duplicates": configuration.duplicates = count
        case "--early-timeouts": configuration.earlyTimeouts = count
        default: configuration.stateLimit = count
        }
      case "--break":
        let name = rest.popFirst() ?? ""
        broken = ProtocolRule.allCases.first { "\($0)" == name }
        configuration.fault = LinkFault(rawValue: name)
        guard broken != nil || configuration.fault != nil else {
          return fail("faults of links: " + LinkFault.allCases.map(\.rawValue).joined(separator: " "))
        }
      default: return fail("no such option: \(option)")
      }
    }
    if let broken { return checkLinks(configuration, BrokenRule(rule: broken)) }
    return checkLinks(configuration, SoundRules())
  }

  private static func checkLinks(_ configuration: LinkCheckConfiguration, _ rules: some ProtocolRules)
    -> Int32
  {
    let result = LinkChecker(configuration: configuration, rules: rules).run()
    print(
      "\(result.stateCount) states, \(result.transitionCount) transitions, depth \(result.depth), "
        + "\(result.quietCount) quiet states, at most \(result.mostFrames) frames in flight, \(result.duration)"
    )
    if let violation = result.violation {
      print("\n\(violation.problem), after \(violation.path.count) steps:\n")
      print(LinkTrace(violation.path, configuration, rules: rules).text)
      return 1
    }
    guard result.isComplete else { return fail("given up: more states than --limit") }
    print("nothing is wrong")
    return 0
  }
}
