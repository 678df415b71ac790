import Coherence

extension Main {
  /// The status: 0 where nothing is wrong, 1 where something is, 2 where the options are.
  static func run(_ arguments: [String]) -> Int32 {
    var configuration = RunConfiguration()
    var runCount = 1
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let text = rest.popFirst(), let value = Double(text), value >= 0 else {
        return fail("\(option) takes a number")
      }
      let count = Int(min(value, 1e12))
      switch option {
      case "--nodes" where (2...256).contains(count): configuration.nodeCount = count
      case "--vcpus" where (1...64).contains(count): configuration.vcpuCount = count
      case "--pages" where (1...100_000).contains(count): configuration.pageCount = count
      case "--accesses": configuration.accessCount = count
      case "--seed": configuration.seed = UInt64(count)
      case "--runs": runCount = count
      case "--writes" where value <= 1: configuration.writeShare = value
      case "--evictions" where value <= 1: configuration.evictionShare = value
      case "--loss" where value < 1: configuration.loss = value
      case "--duplication" where value < 1: configuration.duplication = value
      case "--reordering" where value <= 1: configuration.reordering = value
      default: return fail("not an option, or out of range: \(option) \(text)")
      }
    }
    var total = RunResult()
    let clock = ContinuousClock()
    let start = clock.now
    for _ in 0..<runCount {
      let result = ClusterRun(configuration, rules: SoundRules()).run()
      if let problem = result.problem {
        return fail("seed \(configuration.seed): \(problem)", status: 1)
      }
      total.add(result)
      configuration.seed += 1
    }
    print(
      """
      \(runCount) runs: \(total.readCount) reads, \(total.writeCount) writes, \(total.faultCount) faults, \
      \(total.evictionCount) evictions, \(total.messageCount) messages, \(total.contentBytes) bytes of pages, \
      \(total.frameCount) frames; nothing is wrong; \(clock.now - start)
      """)
    return 0
  }
}

extension RunResult {
  mutating func add(_ other: RunResult) {
    readCount += other.readCount
    writeCount += other.writeCount
    faultCount += other.faultCount
    evictionCount += other.evictionCount
    messageCount += other.messageCount
    contentBytes += other.contentBytes
    frameCount += other.frameCount
    nanoseconds += other.nanoseconds
  }
}
