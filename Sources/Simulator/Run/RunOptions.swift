/// What to simulate.
struct RunOptions: Equatable, Sendable {
  var sharing = SharingProtocol.bigIron
  var nodeCount = 4
  var seed: UInt64 = 1
  var network = NetworkSpeed.tenGigabit
  /// Replaces the rate of losses that `faults` says.
  var loss: Double?
  /// Of a signal on each cable, in nanoseconds.
  var cableDelay: UInt64 = 100
  var workload = Workload.Name.uniform
  var accessCount = 1000
  /// Pages of the cluster; by default 64 for each node.
  var pageCount: Int?
  /// Frames of each node; by default enough for all pages. Of `swap`: frames of the node that runs everything; by
  /// default its share of what the workload touches.
  var frameCount: Int?
  /// Frames of each node for copies from which changes can be told, of Big Iron.
  var twinCount: Int?
  var vcpusPerNode = 1
  /// From one access of a vCPU to its next, in nanoseconds.
  var thinkTime: UInt64 = 100
  var faults = FaultLevel.none
  var tracePath: String?
  var recordPath: String?
  var isJSON = false

  /// Whether all that is sent arrives, unless a ring or a port has no room.
  var isLossless: Bool { faults == .none && (loss ?? 0) == 0 }

  var pages: Int { pageCount ?? 64 * nodeCount }
  var frames: Int { frameCount ?? pages + 64 }
  var twins: Int { twinCount ?? 64 }

  var shape: Shape {
    Shape(nodeCount: nodeCount, vcpusPerNode: vcpusPerNode, pageCount: pages, accessCount: accessCount)
  }

  /// Frames that a node needs for what may be under way at a time, and those that it keeps free.
  static func leastFrameCount(vcpusPerNode: Int) -> Int { 24 + 2 * vcpusPerNode }

  /// What stands against the options, if anything does.
  var problem: String? {
    if !(1...256).contains(nodeCount) { return "--nodes takes 1 to 256" }
    if !(1...32).contains(vcpusPerNode) { return "--vcpus takes 1 to 32" }
    if !(1...1_000_000_000).contains(accessCount) { return "--accesses takes 1 to 1,000,000,000" }
    if pages < nodeCount || pages > 1 << 22 { return "--pages takes one for each node to 4,194,304" }
    if let loss, !(0...0.9).contains(loss) { return "--loss takes 0 to 0.9" }
    if thinkTime > 1_000_000_000 { return "--think takes up to 1,000,000,000 ns" }
    if cableDelay > 1_000_000_000 { return "--delay takes up to 1,000,000,000 ns" }
    let least = Self.leastFrameCount(vcpusPerNode: vcpusPerNode)
    if let problem = sharingProblem { return problem }
    if sharing != .swap, frames < least { return "--frames takes \(least) at least" }
    if sharing != .swap, frames < pages, (frames - least) * nodeCount < pages {
      return "--frames: \(nodeCount) nodes with \(frames) frames each have no room for \(pages) pages"
    }
    if !(0...1 << 20).contains(twins) { return "--twins takes up to 1,048,576" }
    if twinCount != nil, sharing != .bigIron { return "--twins is for --protocol bigiron" }
    if workload == .replay, tracePath == nil { return "--workload replay takes --trace FILE" }
    if workload != .replay, tracePath != nil { return "--trace is for --workload replay" }
    return nil
  }
}

extension RunOptions {
  private var sharingProblem: String? {
    switch sharing {
    case .bigIron, .homeMSI: nil
    case .ivy, .ivyDirect:
      frameCount == nil ? nil : "--frames is not for --protocol \(sharing.rawValue), which keeps every copy"
    case .swap:
      if nodeCount < 2 {
        "--protocol swap takes two nodes at least"
      } else if let frameCount, !(1...pages).contains(frameCount) {
        "--frames takes 1 to the number of pages with --protocol swap"
      } else {
        nil
      }
    }
  }

  /// How many nodes have vCPUs: the first ones.
  var runnerCount: Int { sharing == .swap ? 1 : nodeCount }

  /// The vCPUs that run on a node.
  func vcpus(of node: Int) -> [Int] {
    switch sharing {
    case .swap: node == 0 ? Array(0..<shape.vcpuCount) : []
    default: (0..<vcpusPerNode).map { $0 * nodeCount + node }
    }
  }
}
