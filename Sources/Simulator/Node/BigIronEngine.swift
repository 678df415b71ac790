import Cluster
import Coherence
import Ethernet
import Memory
import Node
import Wire

/// The kernel's engine on a simulated node.
///
/// As `home-msi` it is kept from all that spares contents: there are no stale copies and no twins, so that no page travels as
/// changes; every home has written to all of its pages before the first access, and no frame is ever all zero, so that
/// none travels as a flag. As a home shares what it has, nobody is granted E either, unless pages are evicted.
final class BigIronEngine: SharingEngine {
  private typealias Engine = NodeEngine<HostByteRoutines, SimulatedPages>

  private var engine: Engine
  private let sendsWholePages: Bool
  /// What the homes' first writes have led to.
  private var firstActions = FIFO<NodeAction>()

  init(_ index: Int, _ options: RunOptions, ram: SimulatedRAM, at now: Instant) {
    sendsWholePages = options.sharing == .homeMSI
    let local = LocalNode(
      address: SimulatedNode.address(index), incarnation: SimulatedNode.incarnation(index),
      cluster: ClusterID(1))
    var announcement = Announcement()
    announcement.coreCount = UInt16(options.vcpusPerNode + 1)
    announcement.memorySize = UInt64(options.frames) * 4096
    announcement.tscFrequency = 3_000_000_000
    var cluster = ClusterOptions(nodeCount: options.nodeCount)
    // Troubles pass: nobody is to be declared down.
    cluster.suspicionTime = 1_000_000_000_000
    cluster.failureTime = 2_000_000_000_000
    engine = Engine(
      announcement, local: local, options: cluster, links: LinkOptions(), routines: HostByteRoutines(),
      pages: SimulatedPages(ram: ram, marksClearedFrames: sendsWholePages),
      frames: Self.frames(options.frames + options.twins, Self.pingFrameCount), at: now)
  }

  private static var pingFrameCount: Int { 2 }

  /// Those for pages come first, then those for twins and for pings.
  static func frameCount(_ options: RunOptions) -> Int { options.frames + options.twins + pingFrameCount }

  private static func frames(_ first: Int, _ count: Int) -> [HostPhysicalAddress] {
    (first..<first + count).map { HostPhysicalAddress(UInt64($0) * 4096) }
  }

  func startMemory(_ options: RunOptions) {
    let shape = options.shape
    let counts = (0..<options.nodeCount).map { UInt64(shape.firstPage($0 + 1) - shape.firstPage($0)) }
    var memory = MemoryOptions()
    let slack = RunOptions.leastFrameCount(vcpusPerNode: options.vcpusPerNode)
    memory.lowFrameCount = min(memory.lowFrameCount, slack / 2)
    memory.evictionLimit = min(memory.evictionLimit, slack / 3)
    if options.nodeCount > 64 { memory.pendingPerNode = 64 }
    memory.coherence.keepsStaleCopies = !sendsWholePages
    engine.startMemory(
      HomeMap(pageCounts: counts), frames: Self.frames(0, options.frames),
      twins: sendsWholePages ? [] : Self.frames(options.frames, options.twins), options: memory)
    if sendsWholePages { writeOwnPages(shape) }
  }

  private func writeOwnPages(_ shape: Shape) {
    for number in shape.firstPage(id.index)..<shape.firstPage(id.index + 1) {
      let page = PageNumber(UInt64(number))
      _ = engine.fault(page, .write)
      while let action = engine.nextAction() {
        if case .resume(_, let isPinned) = action {
          if isPinned { engine.release(page) }
        } else {
          firstActions.append(action)
        }
      }
    }
  }

  var id: NodeID { engine.links.local.id }
  var deadline: Instant { engine.deadline }
  var hasFrames: Bool { engine.hasFrames }
  func receive(_ frame: Span<UInt8>, at now: Instant) { engine.receive(frame, at: now) }
  func advance(at now: Instant) { engine.advance(at: now) }
  func writeFrame(to bytes: inout MutableSpan<UInt8>, at now: Instant) -> Int? {
    engine.writeFrame(to: &bytes, at: now)
  }
  func nextEvent() -> ClusterEvent? { engine.nextEvent() }
  func fault(_ page: PageNumber, _ access: PageAccess) -> Bool { engine.fault(page, access) }
  func shotDown(_ page: PageNumber) { engine.shotDown(page) }
  func release(_ page: PageNumber) { engine.release(page) }
  func expire(_ page: PageNumber) { engine.expire(page) }
  func nextAction() -> NodeAction? {
    firstActions.count > 0 ? firstActions.removeFirst() : engine.nextAction()
  }
}
