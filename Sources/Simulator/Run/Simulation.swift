import Memory
import Node
import Wire

// A run: nodes with their engines, which are those of the kernel, on a network in virtual time. First the cluster forms;
// then the vCPUs do their accesses, with faults of the network and of the nodes until most are done and without from then
// on; at the end every page is read. Each access is checked at its moment against a memory that all share: what a node
// may do to a page lasts until its shootdown is over, so the moment of an access is the moment when it takes effect.

/// One run. The same options give the same run, event by event.
final class Simulation {
  enum Phase: Comparable {
    case forming
    /// With faults.
    case troubled
    /// The accesses that are left, without faults.
    case healed
    /// All pages are read.
    case verifying
    case done
  }

  let options: RunOptions
  let costs = Costs()
  let workload: Workload
  var nodes: [SimulatedNode] = []
  var now: UInt64 = 1_000_000
  var events = EventHeap()
  var deliveries = DeliveryPool()
  var causes = Causes()
  var paths: CriticalPaths
  var reference: ReferenceMemory
  var statistics = Statistics()
  /// Stands for all that has happened, in this order.
  var hash = StateHash()
  var failure: String?

  var phase = Phase.forming
  /// When the accesses began, when faults ended, when the last access was done.
  var startedAt: UInt64 = 0
  var healedAt: UInt64 = 0
  var finishedAt: UInt64 = 0
  var lastProgress: UInt64 = 0
  var doneAccesses = 0
  let allAccesses: Int
  var doneVCPUs = 0
  /// Pages that each node has read at the end.
  var verified: [Int]

  /// When each port of the switch is free.
  var portFree: [UInt64]
  var rates = FaultRates.none
  var random: SplitMix64
  var partition = Partition()
  /// How many troubles have come by progress.
  var troubleCount = 0
  /// By page: on how many nodes it may be read or written, and written.
  var holders: [UInt16]
  var writers: [UInt16]
  /// The accesses as lines of a trace, if they are wanted.
  var record: [String]?

  init(_ options: RunOptions, trace: AccessTrace? = nil) {
    let workload = Workload(options.workload, options.shape, trace: trace)
    var options = options
    if options.sharing == .swap, options.frameCount == nil {
      options.frameCount = workload.share(of: options)
    }
    self.options = options
    self.workload = workload
    reference = ReferenceMemory(pageCount: options.pages)
    paths = CriticalPaths(nodeCount: options.nodeCount, pageCount: options.pages)
    portFree = [UInt64](repeating: 0, count: options.nodeCount)
    verified = [Int](repeating: 0, count: options.nodeCount)
    holders = [UInt16](repeating: 0, count: options.pages)
    writers = [UInt16](repeating: 0, count: options.pages)
    random = SplitMix64(seed: options.seed)
    record = options.recordPath == nil ? nil : []
    allAccesses = (0..<options.shape.vcpuCount).reduce(0) { $0 + workload.accessCount($1) }
    for index in 0..<options.nodeCount {
      nodes.append(SimulatedNode(index, options, at: instant))
      events.add(.deadline, at: now, node: index)
      nodes[index].wakesAt = now
    }
  }

  var instant: Instant { Instant(nanoseconds: now) }

  func fail(_ text: String) { failure = failure ?? text }

  /// Runs to the end; whether nothing was wrong, which `failure` says otherwise.
  @discardableResult
  func run() -> Bool {
    while failure == nil, phase != .done {
      guard let event = events.next() else {
        fail("nothing happens any more")
        break
      }
      now = event.time
      statistics.eventCount += 1
      hash.add(now << 8 ^ UInt64(event.kind.rawValue))
      hash.add(UInt64(event.node) << 32 | UInt64(event.argument))
      handle(event)
      checkProgress()
    }
    return failure == nil
  }

  private func handle(_ event: SimulatedEvent) {
    let index = Int(event.node)
    let argument = Int(event.argument)
    switch event.kind {
    case .atSwitch: passSwitch(argument, from: index)
    case .atNode: arrive(argument, at: nodes[index])
    case .trouble: makeTrouble()
    case .deadline, .jobDone, .ringHasRoom, .vcpu, .shotDown, .pinLimit:
      let node = nodes[index]
      guard now >= node.pausedUntil else {
        if event.kind == .deadline {
          guard node.wakesAt == now else { return }
          node.wakesAt = node.pausedUntil
        }
        events.add(
          event.kind, at: node.pausedUntil, node: index, argument: argument, detail: event.detail)
        return
      }
      switch event.kind {
      case .deadline: wake(node)
      case .jobDone: finishJob(node)
      case .ringHasRoom:
        node.waitsForRing = false
        send(from: node)
      case .vcpu: go(on: argument, node)
      case .shotDown: endShootdown(argument, node, cause: event.detail)
      default: endPin(argument, Int(event.detail), node)
      }
    }
  }
}
