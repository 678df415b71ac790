import Cluster
import Coherence
import Ethernet
import Memory
import Node
import Wire

/// A node whose one vCPU accesses pages at random, with the simplest driver; it allocates nothing once it has started.
final class BenchmarkNode {
  let index: Int
  let address: MACAddress
  var engine: NodeEngine<HostByteRoutines, SimulatedPages>
  private(set) var hasFormed = false
  private(set) var hasStopped = false
  private let nodeCount: Int
  private let frameCount: Int
  /// Calls of the engine that report something.
  private(set) var eventCount = 0
  /// What the vCPU may do with each page.
  private var permissions: [PageAccess?] = []
  /// The access that the vCPU is at; and whether the engine has its fault.
  private var access: (page: PageNumber, kind: PageAccess)?
  private var isWaiting = false
  /// What is to be reported.
  private var shootdowns: [PageNumber] = []
  private var releases: [PageNumber] = []

  var retransmissionCount: UInt64 {
    (0..<nodeCount).reduce(0) { $0 + engine.links.counters(NodeID(UInt16($1))).retransmissions }
  }

  private static let pingFrameCount = 2
  private static let twinCount = 32

  init(_ index: Int, nodeCount: Int, frameCount: Int, at now: Instant) {
    self.index = index
    self.nodeCount = nodeCount
    self.frameCount = frameCount
    address = MACAddress(0x0242_0000_0000 + UInt64(index))
    let ram = SimulatedRAM(frameCount: frameCount + Self.twinCount + Self.pingFrameCount)
    var announcement = Announcement()
    announcement.coreCount = 2
    announcement.memorySize = UInt64(frameCount) * 4096
    announcement.tscFrequency = 3_000_000_000
    engine = NodeEngine(
      announcement,
      local: LocalNode(address: address, incarnation: Incarnation(1 + UInt32(index)), cluster: ClusterID(1)),
      options: ClusterOptions(nodeCount: nodeCount), links: LinkOptions(), routines: HostByteRoutines(),
      pages: SimulatedPages(ram: ram), frames: Self.frames(frameCount + Self.twinCount, Self.pingFrameCount),
      at: now)
    shootdowns.reserveCapacity(64)
    releases.reserveCapacity(64)
  }

  private static func frames(_ first: Int, _ count: Int) -> [HostPhysicalAddress] {
    (first..<first + count).map { HostPhysicalAddress(UInt64($0) * 4096) }
  }

  func startMemory(_ homes: HomeMap) {
    permissions = [PageAccess?](repeating: nil, count: homes.pageCount)
    engine.startMemory(
      homes, frames: Self.frames(0, frameCount), twins: Self.frames(frameCount, Self.twinCount))
  }

  func receive(_ frame: Span<UInt8>, at now: Instant) {
    eventCount += 1
    engine.receive(frame, at: now)
    act()
  }

  /// Lets the vCPU go on, unless it waits.
  func goOn(_ random: inout SplitMix64) {
    guard !permissions.isEmpty, !isWaiting else { return }
    let kind: PageAccess = random.below(3) == 0 ? .write : .read
    let wanted = access ?? (PageNumber(random.below(UInt64(permissions.count))), kind)
    let permission = permissions[Int(wanted.page.value)]
    access = nil
    guard permission != .write, permission != wanted.kind else { return }
    access = wanted
    isWaiting = true
    eventCount += 1
    _ = engine.fault(wanted.page, wanted.kind)
  }

  /// Does what the engine wants.
  func act() {
    while let event = engine.nextEvent() { take(event) }
    while true {
      if let action = engine.nextAction() {
        take(action)
      } else if let page = shootdowns.popLast() {
        eventCount += 1
        engine.shotDown(page)
      } else if let page = releases.popLast() {
        eventCount += 1
        engine.release(page)
      } else {
        return
      }
    }
  }

  private func take(_ event: ClusterEvent) {
    switch event {
    case .formed: hasFormed = true
    case .suspected, .recovered, .refused, .refusedBy: break
    case .changed, .down, .rebooted, .expelled: hasStopped = true
    }
  }

  private func take(_ action: NodeAction) {
    switch action {
    case .map(let page, let access, let frame):
      permissions[Int(page.value)] = access
      // A byte changes: a page of zeros would not travel.
      if access == .write { engine.pages.ram[frame, Int(page.value) % 512 * 8] &+= 1 }
    case .protect(let page):
      permissions[Int(page.value)] = .read
      shootdowns.append(page)
    case .unmap(let page):
      permissions[Int(page.value)] = nil
      shootdowns.append(page)
    case .resume(let page, let isPinned):
      access = nil
      isWaiting = false
      if isPinned { releases.append(page) }
    case .retry, .retryPutOff: isWaiting = false
    case .stop: hasStopped = true
    }
  }
}
