import CPU
import Cluster
import Coherence
import Firmware
import Machine
import Memory
import Node
import Wire

// How a guest of several nodes begins. Node 0 makes a plan from what all have announced and sends it to them; each gives its
// engine the frames for its part of the guest's memory and says so; then node 0 loads the guest, through the engine as
// everything that touches the guest's memory does.

/// A cluster that a guest is to begin on.
@safe
struct ClusterStart {
  let service: UnsafeMutablePointer<ClusterService>
  let plan: GuestPlan
  /// The epoch in which it was made.
  let epoch: Epoch
  /// Where this node's boot modules are, as long as they are not free.
  var moduleFrames: BoundedList<16, Range<HostPhysicalAddress>>

  /// Bytes that a node keeps for itself.
  private static func costs(nodeCount: Int) -> GuestLayout.Costs {
    // What is in proportion to nothing takes some 300 KiB, messages that wait for room on their link some 50 KiB for each node.
    // Of each page of the guest a node keeps its state and frame (20 bytes) and its place in the second-level tables (8 and a
    // little), of its own ones the directory's entry (16) and, in a large cluster, more sharers (24). Of a frame it keeps
    // whether it is free (5), of a twin what it is of, and where (24).
    GuestLayout.Costs(
      fixed: 512 << 10 + UInt64(nodeCount) << 16, perGuestPage: 29, perOwnPage: nodeCount > 64 ? 40 : 16,
      perFrame: 5, perTwin: 24)
  }

  /// Bytes that a node keeps for each of its vCPUs: its virtual TLB, and a few frames of the back end.
  private static func memoryPerVCPU(_ announcement: Announcement) -> UInt64 {
    let shadowFrameCount =
      announcement.isShadowed ? ShadowFrames.count(memorySize: announcement.memorySize) : 0
    return UInt64(shadowFrameCount + 8) * pageSize
  }

  /// How the guest is laid out, which is the same on all nodes.
  static func layout(
    _ map: borrowing ClusterMap, wanted: UInt64?
  ) throws(GuestLayoutError) -> GuestLayout {
    var offers: [GuestLayout.Offer] = []
    for index in 0..<node.options.nodes {
      // A plan is made, and followed, as long as all are there.
      guard let member = map[NodeID(UInt16(index))] else { throw .tooLittle(node: index) }
      offers.append(
        GuestLayout.Offer(
          memorySize: member.announcement.memorySize, coreCount: Int(member.announcement.coreCount),
          memoryPerVCPU: memoryPerVCPU(member.announcement)))
    }
    return try GuestLayout(offers, costs: costs(nodeCount: offers.count), wanted: wanted)
  }

  /// Ticks of the guest's TSC in a second of cluster time: as many as node 0's own has.
  var tickRate: UInt64 {
    unsafe service.pointee.engine.membership.map[ClusterGuest.deviceNode]?.announcement.tscFrequency ?? 0
  }

  var local: NodeID { unsafe service.pointee.engine.links.local.id }
  var isLoader: Bool { local == ClusterGuest.deviceNode }

  /// As the other nodes know it.
  var announcedMemorySize: UInt64 {
    unsafe service.pointee.engine.membership.map[local]?.announcement.memorySize ?? 0
  }

  func makeLayout() -> GuestLayout {
    let map = unsafe service.pointee.engine.membership.map.epoch
    guard map == epoch else { refuse("a node has gone before the guest has begun") }
    do {
      return try Self.layout(
        unsafe service.pointee.engine.membership.map, wanted: plan.ramSize)
    } catch {
      refuse("the guest that node 0 plans does not fit: \(line: error.summary)")
    }
  }

  /// What all nodes' processors have in common, which is the same on all nodes.
  func makeProcessor() -> ProcessorDescription {
    guard unsafe service.pointee.engine.membership.map.epoch == epoch,
      let processor = unsafe service.pointee.makeLeastProcessor()
    else { refuse("a node has gone before the guest has begun") }
    return processor
  }

  /// For how long a node looks for a better measurement of the cluster's time, in nanoseconds.
  private static var measuringTime: UInt64 { 3_000_000_000 }

  /// The TSC at which the guest's time was 0, once this node knows the cluster's time as well as it can be known: better
  /// than what a page takes from node to node, so that no guest sees its time run backwards. The first answers of a network
  /// that has just begun to work may be late ones.
  func startTime() -> UInt64 {
    let start = node.clock.nanosecondsSinceBoot(at: readTSC())
    while true {
      let tsc = readTSC()
      let instant = Instant(nanoseconds: node.clock.nanosecondsSinceBoot(at: tsc))
      let clock = unsafe service.pointee.engine.membership.clock
      if let bound = clock.errorBound(at: instant), let time = clock.time(at: instant),
        bound <= wantedErrorBound || instant.nanoseconds &- start >= Self.measuringTime
      {
        log.info("cluster: the guest's time is known to \(bound / 1000) us")
        return tsc
          &- Clock.scale(max(time, plan.startTime) - plan.startTime, by: tickRate, over: 1_000_000_000)
      }
      unsafe service.pointee.exchangeFrames()
    }
  }

  /// In nanoseconds: half of a round trip, and a little for what is not the network's.
  private var wantedErrorBound: UInt64 {
    let roundTrip = unsafe service.pointee.engine.links.roundTripTime(ClusterGuest.deviceNode) ?? 0
    return max(100_000, roundTrip / 2)
  }

  /// Tells the others of the plan, and waits until all have started their memory; or, on the others, says so, and how far
  /// all nodes are.
  ///
  /// - Parameter distances: what `measureDistances` has found.
  func agree<Host: Backend>(_ distances: [UInt32], _ vm: borrowing VirtualMachine<Host>) {
    vm.withCluster { cluster in
      for (index, time) in distances.enumerated() {
        if isLoader {
          cluster.distances.note(from: local.index, to: index, nanoseconds: time)
        } else {
          cluster.say(.distance(node: UInt16(index), nanoseconds: time), to: ClusterGuest.deviceNode, vm)
        }
      }
      guard isLoader else { return cluster.say(.ready, to: ClusterGuest.deviceNode, vm) }
      let message = GuestMessage.plan(
        ramSize: plan.ramSize, frequency: plan.frequency, startTime: plan.startTime)
      for index in 0..<cluster.layout.nodeCount where index != local.index {
        cluster.say(message, to: NodeID(UInt16(index)), vm)
      }
    }
    guard isLoader else { return }
    while vm.ended == nil, vm.withCluster({ !$0.unready.isEmpty }) == true { vm.work() }
  }

  /// Nanoseconds to the memory of each node; 0 where that is not known.
  func measureDistances() -> [UInt32] { (0..<node.options.nodes).map { distance($0) } }

  private func distance(_ index: Int) -> UInt32 {
    guard index != local.index else { return MemoryLatency.measure() }
    let time = unsafe service.pointee.measureRoundTrip(NodeID(UInt16(index)))
    return UInt32(clamping: time ?? 0)
  }
}

extension ClusterService {
  private static var measuredPings: UInt32 { 4 }
  /// For how long one of them is waited for, in nanoseconds: many times what a network takes that a guest can run on.
  private static var longestPing: UInt64 { 200_000_000 }

  /// The shortest round trip of a few pings, in nanoseconds; nil where none came back.
  fileprivate mutating func measureRoundTrip(_ id: NodeID) -> UInt64? {
    var shortest: UInt64?
    for number in 0..<Self.measuredPings {
      let start = instant
      do {
        try engine.ping(id, number: number, size: Engine.pingSizes.lowerBound, at: start)
      } catch {
        return shortest
      }
      var hasCome = false
      while !hasCome, instant.since(start) < Self.longestPing {
        var round = receiveFrames()
        while let pong = engine.nextPong() {
          guard pong.sender == id, pong.number == number else { continue }
          shortest = min(shortest ?? .max, pong.receivedAt.since(pong.sentAt))
          hasCome = true
        }
        advance(&round)
        _ = send(&round)
      }
    }
    return shortest
  }

  /// What this node, which has a guest's kernel, has all nodes do; nil as long as it can't.
  func makePlan() -> GuestPlan? {
    guard engine.links.local.id == ClusterGuest.deviceNode,
      let time = engine.membership.clock.time(at: instant), let processor = makeLeastProcessor()
    else { return nil }
    refuseUnlikeNodes()
    do {
      let layout = try ClusterStart.layout(engine.membership.map, wanted: node.options.guestMemory)
      guard layout.map.endOfRAM.value <= 1 << UInt64(processor.physicalAddressBits) else {
        refuse(
          "no guest on this cluster: a node's processor has addresses of \(processor.physicalAddressBits) bits; ask for less RAM (guest.memory)"
        )
      }
      return GuestPlan(
        ramSize: layout.ramSize, frequency: node.clock.frequency * node.options.timeScale, startTime: time)
    } catch {
      refuse("no guest on this cluster: \(line: error.summary)")
    }
  }

  /// What the guest's CPUID is made of; nil where a node is missing.
  fileprivate func makeLeastProcessor() -> ProcessorDescription? {
    guard let first = engine.membership.map[ClusterGuest.deviceNode]?.announcement else { return nil }
    var processor = ProcessorDescription(words: first.processor)
    for index in 1..<node.options.nodes {
      guard let other = engine.membership.map[NodeID(UInt16(index))]?.announcement else { return nil }
      do {
        try processor.reduce(to: ProcessorDescription(words: other.processor))
      } catch {
        refuse(
          "no guest on this cluster: the processors of node 0 and node \(index) are of different makers")
      }
    }
    return processor
  }

  /// A vCPU compares its TSC with all others, and a page is shared by what both nodes take for a write to it. Processors need
  /// only be of one maker, as `makeLeastProcessor` checks.
  private func refuseUnlikeNodes() {
    guard let own = engine.membership.map[ClusterGuest.deviceNode]?.announcement else { return }
    for index in 1..<node.options.nodes {
      guard let other = engine.membership.map[NodeID(UInt16(index))]?.announcement else { continue }
      // A tenth of a per cent is more than what measurements of the same rate differ by.
      let difference = max(own.tscFrequency, other.tscFrequency) - min(own.tscFrequency, other.tscFrequency)
      guard difference <= own.tscFrequency / 1000 else {
        refuse(
          "no guest on this cluster: the TSC of node \(index) runs at \(other.tscFrequency / 1_000_000) MHz, and at \(own.tscFrequency / 1_000_000) here"
        )
      }
      guard own.isShadowed == other.isShadowed else {
        refuse(
          "no guest on this cluster: node \(index) runs it on page tables of another kind (option paging)")
      }
    }
  }
}
