import Glibc

extension Main {
  /// The status: 0 where nothing is wrong, 1 where something is, 2 where the options are.
  static func soak(_ arguments: [String]) -> Int32 {
    do {
      let soak = try Soak(arguments)
      return soak.run() ? 0 : 1
    } catch {
      print(error.text)
      return 2
    }
  }
}

/// Many runs, each of a configuration that its seed determines; the first that fails is the last.
struct Soak {
  var runCount = 1000
  var minutes = Int.max
  var firstSeed: UInt64 = 1

  init(_ arguments: [String]) throws(OptionError) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--runs": runCount = try RunOptions.number(option, &rest)
      case "--minutes": minutes = try RunOptions.number(option, &rest)
      case "--seed": firstSeed = try RunOptions.number(option, &rest)
      default: throw OptionError(text: "no such option: \(option)")
      }
    }
    guard runCount > 0, minutes > 0 else {
      throw OptionError(text: "--runs and --minutes take numbers above 0")
    }
  }

  /// The run of a seed: small enough to take a fraction of a second, with everything that can be different different.
  static func options(seed: UInt64) -> RunOptions {
    var random = SplitMix64(seed: seed)
    var options = RunOptions()
    options.seed = seed
    options.nodeCount = random.chance(0.05) ? 5 + random.below(12) : 1 + random.below(5)
    options.vcpusPerNode = 1 + random.below(4)
    options.workload = Workload.Name.allCases.filter { $0 != .replay }[random.below(8)]
    options.network = NetworkSpeed.allCases[random.below(4)]
    options.faults = random.chance(0.8) ? .wild : random.chance(0.5) ? .mild : .none
    options.accessCount = max(50, (1000 + random.below(3000)) / options.shape.vcpuCount)
    options.thinkTime = random.chance(0.5) ? 100 : random.below(20_000 as UInt64)
    options.pageCount = options.nodeCount * (1 + random.below(random.chance(0.5) ? 4 : 60))
    if random.chance(0.5) {
      // As few as the pages leave room for.
      let least = RunOptions.leastFrameCount(vcpusPerNode: options.vcpusPerNode)
      options.frameCount = least + options.pages / options.nodeCount + 1 + random.below(8)
    }
    return options
  }

  /// Whether nothing was wrong.
  func run() -> Bool {
    let start = ContinuousClock.now
    var accessCount: UInt64 = 0
    var eventCount: UInt64 = 0
    var seed = firstSeed
    func summary() -> String {
      let seconds = start.duration(to: .now).components.seconds
      return "\(seed - firstSeed) runs, \(accessCount) accesses, \(eventCount) events, \(seconds) s"
    }
    while seed - firstSeed < UInt64(runCount),
      start.duration(to: .now).components.seconds / 60 < Int64(minutes)
    {
      let options = Self.options(seed: seed)
      let simulation = Simulation(options)
      simulation.run()
      seed += 1
      accessCount += simulation.statistics.accessCount
      eventCount += simulation.statistics.eventCount
      if let failure = simulation.failure {
        print("\(summary())\n\nFAILED: \(failure)\n\nTo repeat it: \(options.command)")
        return false
      }
      if (seed - firstSeed) % 1000 == 0 {
        print(summary())
        fflush(nil)
      }
    }
    print("\(summary()): nothing was wrong")
    return true
  }
}
