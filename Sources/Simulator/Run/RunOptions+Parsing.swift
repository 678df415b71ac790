/// Options that can't be understood.
struct OptionError: Error, Equatable {
  var text: String
}

extension RunOptions {
  init(_ arguments: [String]) throws(OptionError) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--protocol": sharing = try Self.choice(option, &rest)
      case "--nodes": nodeCount = try Self.number(option, &rest)
      case "--seed": seed = try Self.number(option, &rest)
      case "--network": network = try Self.choice(option, &rest)
      case "--loss": loss = try Self.number(option, &rest)
      case "--delay": cableDelay = try Self.number(option, &rest)
      case "--workload": workload = try Self.choice(option, &rest)
      case "--accesses": accessCount = try Self.number(option, &rest)
      case "--pages": pageCount = try Self.number(option, &rest) as Int
      case "--frames": frameCount = try Self.number(option, &rest) as Int
      case "--twins": twinCount = try Self.number(option, &rest) as Int
      case "--vcpus": vcpusPerNode = try Self.number(option, &rest)
      case "--think": thinkTime = try Self.number(option, &rest)
      case "--faults": faults = try Self.choice(option, &rest)
      case "--trace": tracePath = try Self.value(option, &rest)
      case "--record": recordPath = try Self.value(option, &rest)
      case "--json": isJSON = true
      default: throw OptionError(text: "no such option: \(option)")
      }
    }
    if let problem { throw OptionError(text: problem) }
  }

  static func value(_ option: String, _ rest: inout ArraySlice<String>) throws(OptionError) -> String {
    guard let value = rest.popFirst() else { throw OptionError(text: "\(option) takes a value") }
    return value
  }

  static func number<Number: LosslessStringConvertible>(
    _ option: String, _ rest: inout ArraySlice<String>
  ) throws(OptionError) -> Number {
    let text = try value(option, &rest)
    guard let number = Number(text) else { throw OptionError(text: "\(option) takes a number, not \(text)") }
    return number
  }

  static func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ option: String, _ rest: inout ArraySlice<String>
  ) throws(OptionError) -> Choice {
    let text = try value(option, &rest)
    guard let choice = Choice(rawValue: text) else {
      let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw OptionError(text: "\(option) takes one of \(names), not \(text)")
    }
    return choice
  }

  /// The command that repeats the run.
  var command: String {
    var words = ["Simulator run --protocol \(sharing.rawValue) --nodes \(nodeCount) --seed \(seed)"]
    words.append("--network \(network.rawValue)")
    if let loss { words.append("--loss \(loss)") }
    words.append("--delay \(cableDelay) --workload \(workload.rawValue) --accesses \(accessCount)")
    words.append("--pages \(pages) --vcpus \(vcpusPerNode) --think \(thinkTime)")
    if let frameCount { words.append("--frames \(frameCount)") }
    if let twinCount { words.append("--twins \(twinCount)") }
    words.append("--faults \(faults.rawValue)")
    if let tracePath { words.append("--trace \(tracePath)") }
    return words.joined(separator: " ")
  }
}
