import Ethernet
import Memory
import Wire

/// A node: the engine, the frames, the tables of its vCPUs, and its service core.
final class SimulatedNode {
  enum Permission: UInt8, Comparable {
    case none, read, write

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  let index: Int
  let ram: SimulatedRAM
  var engine: any SharingEngine
  /// How the vCPUs use pages, if anybody wants to know.
  let usage: PageUsage?
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

  static func incarnation(_ index: Int) -> Incarnation { Incarnation(1 + UInt32(index)) }

  init(_ index: Int, _ options: RunOptions, at now: Instant) {
    self.index = index
    switch options.sharing {
    case .bigIron, .homeMSI:
      ram = SimulatedRAM(frameCount: BigIronEngine.frameCount(options))
      usage = nil
      engine = BigIronEngine(index, options, ram: ram, at: now)
    case .ivy, .ivyDirect:
      ram = SimulatedRAM(frameCount: IvyEngine.frameCount(options))
      usage = nil
      engine = IvyEngine(index, options, ram: ram, at: now)
    case .swap:
      ram = SimulatedRAM(frameCount: SwapEngine.frameCount(index, options))
      let usage = PageUsage(pageCount: options.pages)
      self.usage = usage
      engine = SwapEngine(index, options, ram: ram, usage: usage, at: now)
    }
    permissions = [Permission](repeating: .none, count: options.pages)
    frames = [HostPhysicalAddress](repeating: HostPhysicalAddress(0), count: options.pages)
    vcpus = options.vcpus(of: index).map { SimulatedVCPU($0, seed: options.seed) }
    nextSequence = [UInt32](repeating: 0, count: options.nodeCount)
  }
}
