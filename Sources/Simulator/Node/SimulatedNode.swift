import Cluster
import Coherence
import Ethernet
import Memory
import Node
import Wire

/// A node: the engine, the frames, the tables of its vCPUs, and its service core.
final class SimulatedNode {
  typealias Engine = NodeEngine<HostByteRoutines, SimulatedPages>

  enum Permission: UInt8, Comparable {
    case none, read, write

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  let index: Int
  let ram: SimulatedRAM
  var engine: Engine
  var vcpus: [SimulatedVCPU]

  /// What the vCPUs may do with each page, what is being shot down included, and where it is.
  var permissions: [Permission]
  var frames: [HostPhysicalAddress]
  /// Pages of which a permission is being taken away, and since when.
  var shootdowns: [(page: Int, isUnmap: Bool, begin: UInt64)] = []
  /// Faults that the engine has taken, in that order, and those that it has put off.
  var waiting: [(page: Int, vcpu: Int)] = []
  var putOff: [Int] = []

  var jobs = FIFO<ServiceJob>()
  /// Jobs that are frames: what is in the ring.
  var receivedCount = 0
  var isServing = false
  /// When the job at hand was begun.
  var jobStart: UInt64 = 0
  /// Until then it sends what followed from the last job.
  var busyUntil: UInt64 = 0
  var pausedUntil: UInt64 = 0
  /// When it will look at the engine's deadline.
  var wakesAt = UInt64.max
  /// What the last job was.
  var cause = Causes.none

  /// When the frames in the ring will have been sent.
  var departures = FIFO<UInt64>()
  var waitsForRing = false
  var uplinkFree: UInt64 = 0
  var linkDownUntil: UInt64 = 0
  /// By receiver: the number of the next frame that was never sent.
  var nextSequence: [UInt32]

  static func address(_ index: Int) -> MACAddress { MACAddress(0x0242_0000_0000 + UInt64(index)) }

  init(_ index: Int, _ options: RunOptions, at now: Instant) {
    self.index = index
    let twinCount = 64
    // The engine's own frames for pings stand behind those for pages and twins.
    let pingFrameCount = 2
    ram = SimulatedRAM(frameCount: options.frames + twinCount + pingFrameCount)
    let local = LocalNode(
      address: Self.address(index), incarnation: Incarnation(1 + UInt32(index)), cluster: ClusterID(1))
    var announcement = Announcement()
    announcement.coreCount = UInt16(options.vcpusPerNode + 1)
    announcement.memorySize = UInt64(options.frames) * 4096
    announcement.tscFrequency = 3_000_000_000
    var cluster = ClusterOptions(nodeCount: options.nodeCount)
    // Troubles pass: nobody is to be declared down.
    cluster.suspicionTime = 1_000_000_000_000
    cluster.failureTime = 2_000_000_000_000
    let firstPingFrame = UInt64(options.frames + twinCount)
    engine = Engine(
      announcement, local: local, options: cluster, links: LinkOptions(), routines: HostByteRoutines(),
      pages: SimulatedPages(ram: ram),
      frames: (0..<UInt64(pingFrameCount)).map { HostPhysicalAddress((firstPingFrame + $0) * 4096) }, at: now)
    permissions = [Permission](repeating: .none, count: options.pages)
    frames = [HostPhysicalAddress](repeating: HostPhysicalAddress(0), count: options.pages)
    vcpus = []
    nextSequence = [UInt32](repeating: 0, count: options.nodeCount)
  }

  func startMemory(_ options: RunOptions) {
    let shape = options.shape
    let counts = (0..<options.nodeCount).map { UInt64(shape.firstPage($0 + 1) - shape.firstPage($0)) }
    var memory = MemoryOptions()
    let slack = RunOptions.leastFrameCount(vcpusPerNode: options.vcpusPerNode)
    memory.lowFrameCount = min(memory.lowFrameCount, slack / 2)
    memory.evictionLimit = min(memory.evictionLimit, slack / 3)
    if options.nodeCount > 64 { memory.pendingPerNode = 64 }
    engine.startMemory(
      HomeMap(pageCounts: counts),
      frames: (0..<UInt64(options.frames)).map { HostPhysicalAddress($0 * 4096) },
      twins: (0..<64 as Range<UInt64>).map { HostPhysicalAddress((UInt64(options.frames) + $0) * 4096) },
      options: memory)
  }
}
