import Ethernet
import Support
import Wire

/// Nodes on a network with faults, in virtual time: the same seed gives the same run.
final class LinkSimulation {
  var nodes: [SimulatedNode] = []
  var faults: NetworkFaults
  var generator: SeededGenerator
  private(set) var now: UInt64 = 1_000_000
  private(set) var frameCount = 0
  /// Nanoseconds within which frames of one moment arrive, in any order.
  var jitter: UInt64 = 1_000
  /// A node that nothing reaches.
  var blocked: Int?

  private let options: LinkOptions
  private let pageShare: Double
  private var events = EventQueue<Event>()
  /// When a node's next wake-up is in the queue.
  private var wakes: [UInt64]

  private enum Event {
    case arrival(node: Int, frame: [UInt8])
    case wake(node: Int)
    case action((LinkSimulation) -> Void)
  }

  init(
    seed: UInt64, nodeCount: Int, faults: NetworkFaults, pageShare: Double = 0.3,
    options: LinkOptions = LinkOptions()
  ) {
    generator = SeededGenerator(seed: seed)
    self.faults = faults
    self.options = options
    self.pageShare = pageShare
    wakes = [UInt64](repeating: .max, count: nodeCount)
    for index in 0..<nodeCount { nodes.append(makeNode(index, nodeCount: nodeCount, incarnation: 1)) }
    for node in nodes {
      for other in nodes where other !== node { node.open(other.peer, at: instant) }
    }
  }

  private func makeNode(_ index: Int, nodeCount: Int, incarnation: UInt32) -> SimulatedNode {
    let peer = Peer(
      id: NodeID(UInt16(index)), incarnation: Incarnation(incarnation),
      address: MACAddress(0x0200_0000_0000 + UInt64(index)))
    return SimulatedNode(peer, nodeCount: nodeCount, options: options, pageShare: pageShare)
  }

  private var instant: Instant { Instant(nanoseconds: now) }

  private func happens(_ probability: Double) -> Bool {
    probability > 0 && Double.random(in: 0..<1, using: &generator) < probability
  }

  /// Does `action` after `delay` nanoseconds.
  func after(_ delay: UInt64, _ action: @escaping (LinkSimulation) -> Void) {
    events.add(.action(action), at: now + delay)
  }

  /// Has a node send messages and starts what follows from it.
  func send(_ count: Int, from sender: Int, to receiver: Int) {
    nodes[sender].send(count, to: NodeID(UInt16(receiver)))
    pump(sender)
  }

  /// A node forgets everything and comes back as a new incarnation, which the others hear of one after the other.
  func reboot(_ index: Int) {
    let old = nodes[index]
    let new = makeNode(index, nodeCount: nodes.count, incarnation: old.peer.incarnation.value + 1)
    nodes[index] = new
    for other in nodes where other !== new {
      after(UInt64.random(in: 0...5_000_000, using: &generator)) { simulation in
        guard simulation.isUp(new), simulation.isUp(other) else { return }
        other.open(new.peer, at: simulation.instant)
        simulation.pump(other.peer.id.index)
      }
      after(UInt64.random(in: 0...5_000_000, using: &generator)) { simulation in
        guard simulation.isUp(new), simulation.isUp(other) else { return }
        new.open(other.peer, at: simulation.instant)
        simulation.pump(index)
      }
    }
    if old.failure != nil { new.fail(old.failure!) }
  }

  private func isUp(_ node: SimulatedNode) -> Bool { nodes[node.peer.id.index] === node }

  /// Runs until nothing is left to do, or for `limit` nanoseconds; false where there was something left.
  func run(limit: UInt64 = 600_000_000_000) -> Bool {
    while let (time, event) = events.next() {
      guard time <= limit else { return false }
      now = time
      switch event {
      case .arrival(let node, let frame):
        nodes[node].receive(frame, at: instant)
        pump(node)
      case .wake(let node):
        if wakes[node] == time { wakes[node] = .max }
        pump(node)
      case .action(let action):
        action(self)
      }
    }
    return true
  }

  /// Sends what a node has to send. Sometimes its network interface takes no more for a while.
  private func pump(_ index: Int) {
    let node = nodes[index]
    var buffer = [UInt8](repeating: 0xAA, count: FrameLayout.maximumFrameCount)
    while true {
      if node.links.hasFrames, faults.delay > 0, happens(0.02) { return wake(index, at: now + 10_000) }
      guard let frame = node.links.nextFrame(at: instant) else { break }
      var bytes = buffer.mutableSpan
      let page = node.frames.bytes(frame.page)
      node.links.write(frame, page: page.span, to: &bytes)
      transmit(Array(buffer[..<frame.count]), to: node.links.outgoing.receiver.index)
    }
    if node.links.deadline != .never { wake(index, at: max(now, node.links.deadline.nanoseconds)) }
  }

  private func wake(_ index: Int, at time: UInt64) {
    guard time < wakes[index] else { return }
    wakes[index] = time
    events.add(.wake(node: index), at: time)
  }

  private func transmit(_ frame: [UInt8], to receiver: Int) {
    frameCount += 1
    if receiver == blocked || happens(faults.loss) { return }
    deliver(frame, to: receiver)
    while happens(faults.duplication) { deliver(frame, to: receiver) }
  }

  private func deliver(_ frame: [UInt8], to receiver: Int) {
    var frame = frame
    if happens(faults.corruption) { corrupt(&frame) }
    var time = now + 20_000 + (jitter > 0 ? generator.next() % jitter : 0)
    if happens(faults.reordering) { time += generator.next() % 400_000 }
    if happens(faults.delay) { time += generator.next() % 20_000_000 }
    events.add(.arrival(node: receiver, frame: frame), at: time)
  }

  private func corrupt(_ frame: inout [UInt8]) {
    switch generator.next() % 8 {
    case 0: frame.removeLast(Int.random(in: 1...frame.count, using: &generator))
    case 1: frame += [UInt8](repeating: 0x55, count: Int.random(in: 1...2000, using: &generator))
    default:
      for _ in 0...Int.random(in: 0..<8, using: &generator) {
        frame[Int.random(in: FrameLayout.body - 64..<frame.count, using: &generator)] ^=
          1 << UInt8(generator.next() % 8)
      }
    }
  }

  /// What went wrong, once all is quiet: messages that were lost, pages that were not released.
  func failure() -> String? {
    for node in nodes {
      if let failure = node.failure { return failure }
      if node.frames.usedCount != 0 {
        return "node \(node.peer.id.value): \(node.frames.usedCount) pages left"
      }
      for other in nodes where other !== node {
        let sent = other.sentCount(to: node.peer.id)
        let received = Int(node.receivedCounts[other.peer.id.index])
        if received != sent {
          return "node \(node.peer.id.value): \(received) of \(sent) from \(other.peer.id.value)"
        }
        if node.links.freeMessageCount(other.peer.id) != options.messageCount { return "slots left in use" }
      }
    }
    return nil
  }
}
