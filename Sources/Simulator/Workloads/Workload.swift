/// One access of a vCPU to memory.
struct Access: Equatable, Sendable {
  var page: UInt32
  var isWrite: Bool
  /// Which 64 bytes of the page, 0 to 63.
  var line: UInt8
}

/// Who runs a workload, and on how much memory.
struct Shape: Equatable, Sendable {
  var nodeCount: Int
  var vcpusPerNode: Int
  var pageCount: Int
  /// Accesses of each vCPU.
  var accessCount: Int

  var vcpuCount: Int { nodeCount * vcpusPerNode }

  /// The node on which vCPU `vcpu` runs: neighbours are on different nodes.
  func node(_ vcpu: Int) -> Int { vcpu % nodeCount }

  /// The first page of which `node` is home, up to the number of nodes.
  func firstPage(_ node: Int) -> Int { pageCount / nodeCount * node + min(node, pageCount % nodeCount) }
}

/// What the vCPUs do: a pure function of a vCPU's number, of the number of its access, and of random numbers.
struct Workload: Sendable {
  enum Name: String, CaseIterable, Sendable {
    case uniform
    case zipf
    case producerConsumer = "producer-consumer"
    case falseSharing = "false-sharing"
    case migratoryLock = "migratory-lock"
    case stencil
    case privatePages = "private"
    case pageTable = "page-table"
    case fullRing = "full-ring"
    case replay
  }

  let name: Name
  let shape: Shape
  let zipf: ZipfDistribution?
  let trace: AccessTrace?

  init(_ name: Name, _ shape: Shape, trace: AccessTrace? = nil) {
    self.name = name
    self.shape = shape
    zipf = name == .zipf ? ZipfDistribution(count: shape.pageCount) : nil
    self.trace = trace
  }

  /// How many accesses `vcpu` makes.
  func accessCount(_ vcpu: Int) -> Int {
    name == .replay ? trace?.accessCount(vcpu) ?? 0 : shape.accessCount
  }

  func access(_ step: Int, of vcpu: Int, _ random: inout SplitMix64) -> Access {
    switch name {
    case .uniform: uniform(&random)
    case .zipf: zipfian(&random)
    case .producerConsumer: producerConsumer(step, vcpu, lineCount: 4)
    case .fullRing: producerConsumer(step, vcpu, lineCount: 64)
    case .falseSharing: falseSharing(step, vcpu)
    case .migratoryLock: migratoryLock(step, vcpu)
    case .stencil: stencil(step, vcpu)
    case .privatePages: privatePage(step, vcpu, &random)
    case .pageTable: pageTable(step, vcpu, &random)
    case .replay: trace?.access(step, vcpu) ?? Access(page: 0, isWrite: false, line: 0)
    }
  }
}

extension Workload {
  /// Of the pages that are touched, the share of one node; a page for each vCPU at least.
  func share(of options: RunOptions) -> Int {
    var touched = [Bool](repeating: false, count: shape.pageCount)
    for number in 0..<shape.vcpuCount {
      var random = SimulatedVCPU(number, seed: options.seed).random
      for step in 0..<accessCount(number) { touched[Int(access(step, of: number, &random).page)] = true }
    }
    let count = touched.count { $0 }
    return min(max((count + shape.nodeCount - 1) / shape.nodeCount, shape.vcpuCount), shape.pageCount)
  }
}
