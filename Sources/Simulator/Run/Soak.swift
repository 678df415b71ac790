import Glibc

/// Many runs, each of a configuration that its seed determines; the first that fails is the last.
struct Soak {
  var runCount = 1000
  var minutes = Int.max
  var firstSeed: UInt64 = 1
  /// Accesses of each run for as long as there are faults.
  var accessCount: Int?
  /// Of every run.
  var faults: FaultLevel?

  init(_ arguments: [String]) throws(OptionError) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--runs": runCount = try RunOptions.number(option, &rest)
      case "--minutes": minutes = try RunOptions.number(option, &rest)
      case "--seed": firstSeed = try RunOptions.number(option, &rest)
      case "--accesses": accessCount = try RunOptions.number(option, &rest) as Int
      case "--faults": faults = try RunOptions.choice(option, &rest) as FaultLevel
      default: throw OptionError(text: "no such option: \(option)")
      }
    }
    guard runCount > 0, minutes > 0 else {
      throw OptionError(text: "--runs and --minutes take numbers above 0")
    }
    if let accessCount, !(1...100_000_000).contains(accessCount) {
      throw OptionError(text: "--accesses takes 1 to 100,000,000")
    }
  }

  /// The run of a seed: with everything that can be different different, and small enough to take a fraction of a second
  /// where `accessCount` does not say otherwise.
  func options(seed: UInt64) -> RunOptions {
    var random = SplitMix64(seed: seed)
    var options = RunOptions()
    options.seed = seed
    options.nodeCount = random.chance(0.05) ? 5 + random.below(12) : 1 + random.below(5)
    options.vcpusPerNode = 1 + random.below(4)
    var workloads = Workload.Name.allCases.filter { $0 != .replay }
    if faults == .all {
      // What needs no network suffers from no faults.
      if options.nodeCount == 1 { options.nodeCount = 2 }
      workloads.removeAll { $0 == .privatePages }
    }
    options.workload = workloads[random.below(workloads.count)]
    options.network = NetworkSpeed.allCases[random.below(4)]
    options.faults = random.chance(0.8) ? .wild : random.chance(0.5) ? .mild : .none
    options.accessCount = max(50, (1000 + random.below(3000)) / options.shape.vcpuCount)
    options.thinkTime = random.chance(0.5) ? 100 : random.below(20_000 as UInt64)
    let hasFewPages = random.chance(0.5)
    options.pageCount = options.nodeCount * (1 + random.below(hasFewPages ? 4 : 60))
    if faults == .all, !hasFewPages { options.pageCount! += 40 * options.nodeCount }
    if random.chance(0.5) || faults == .all {
      // As few as the pages leave room for.
      let least = RunOptions.leastFrameCount(vcpusPerNode: options.vcpusPerNode)
      options.frameCount = least + options.pages / options.nodeCount + 1 + random.below(8)
    }
    if random.chance(0.5) { options.twinCount = random.below(12) }
    if let faults { options.faults = faults }
    if let accessCount {
      // Faults end when four fifths are done.
      let all = 5 * ((accessCount + 3) / 4)
      options.accessCount = (all + options.shape.vcpuCount - 1) / options.shape.vcpuCount
    }
    return options
  }

  /// Whether nothing was wrong.
  func run() -> Bool {
    let start = ContinuousClock.now
    var tally = SoakTally()
    var seed = firstSeed
    var elapsed: Int64 { start.duration(to: .now).components.seconds }
    while seed - firstSeed < UInt64(runCount), elapsed / 60 < Int64(minutes) {
      let options = options(seed: seed)
      let simulation = Simulation(options)
      simulation.run()
      seed += 1
      tally.add(simulation)
      if let failure = simulation.failure {
        print("\(tally.line), \(elapsed) s\n\nFAILED: \(failure)\n\nTo repeat it: \(options.command)")
        return false
      }
      if (seed - firstSeed) % 1000 == 0 {
        print("\(tally.line), \(elapsed) s")
        fflush(nil)
      }
    }
    print("\n\(tally.table)\n\n\(tally.line), \(elapsed) s: nothing was wrong")
    return true
  }
}
