import Cluster
import Ethernet
import Memory
import Node
import Support
import Wire

typealias Engine = NodeEngine<PortableByteRoutines, ArrayPages>

/// Nodes, each with its engine, on one Ethernet in virtual time: the same seed gives the same run.
final class EngineNetwork {
  final class Node {
    var engine: Engine
    var events: [ClusterEvent] = []
    var pongs: [Pong] = []
    var isUp = true
    /// What its driver does after each event.
    var drive: (inout Engine) -> Void = { _ in }

    init(_ engine: consuming Engine) { self.engine = engine }
  }

  private(set) var nodes: [Node] = []
  private(set) var now: UInt64 = 1_000_000
  var loss = 0.0
  private var generator: SeededGenerator
  private var queue = EventQueue<Event>()

  private enum Event {
    case arrival(node: Int, frame: [UInt8])
    case wake(node: Int)
  }

  static let frameCount = 5

  static func frames(from first: Int, _ count: Int) -> [HostPhysicalAddress] {
    (first..<first + count).map { HostPhysicalAddress(UInt64(4096 * $0)) }
  }

  /// - Parameter extraFrames: that each node has behind those of pings.
  init(nodeCount: Int, seed: UInt64 = 1, extraFrames: Int = 0) {
    generator = SeededGenerator(seed: seed)
    for index in 0..<nodeCount {
      let address = MACAddress(0x5254_0012_3401 + UInt64(index))
      let local = LocalNode(
        address: address, incarnation: Incarnation(100 + UInt32(index)), cluster: ClusterID(1))
      var announcement = Announcement()
      announcement.address = address
      announcement.nodeCount = UInt16(nodeCount)
      announcement.memorySize = 1 << 30
      announcement.tscFrequency = 1_000_000_000
      nodes.append(
        Node(
          Engine(
            announcement, local: local, options: ClusterOptions(nodeCount: nodeCount), links: LinkOptions(),
            routines: PortableByteRoutines(), pages: ArrayPages(count: Self.frameCount + extraFrames),
            frames: Self.frames(from: 0, Self.frameCount), at: instant)))
      queue.add(.wake(node: index), at: now)
    }
  }

  var instant: Instant { Instant(nanoseconds: now) }

  /// Runs until `isDone`, or for so many milliseconds; whether it was done.
  @discardableResult
  func run(milliseconds: UInt64, until isDone: () -> Bool = { false }) -> Bool {
    let end = now + milliseconds * 1_000_000
    while !isDone() {
      guard let (time, event) = queue.next() else { return false }
      guard time <= end else {
        queue.add(event, at: time)
        now = end
        return isDone()
      }
      now = time
      switch event {
      case .arrival(let node, let frame) where nodes[node].isUp:
        nodes[node].engine.receive(frame.span, at: instant)
        pump(node)
      case .wake(let node) where nodes[node].isUp:
        pump(node)
        queue.add(.wake(node: node), at: now + 500_000)
      case .arrival, .wake: break
      }
    }
    return true
  }

  /// Forms the cluster; false where it does not in ten seconds.
  func form() -> Bool {
    run(milliseconds: 10_000) { nodes.allSatisfy { $0.engine.links.peers.count == nodes.count - 1 } }
  }

  /// Does what is due at a node, and sends what it has to send.
  func pump(_ index: Int) {
    let node = nodes[index]
    if instant >= node.engine.deadline { node.engine.advance(at: instant) }
    node.drive(&node.engine)
    var buffer = [UInt8](repeating: 0xAA, count: FrameLayout.maximumFrameCount)
    while true {
      var bytes = buffer.mutableSpan
      guard let count = node.engine.writeFrame(to: &bytes, at: instant) else { break }
      for other in nodes.indices where other != index {
        guard loss == 0 || Double.random(in: 0..<1, using: &generator) >= loss else { continue }
        queue.add(.arrival(node: other, frame: Array(buffer[..<count])), at: now + 20_000)
      }
    }
    while let event = node.engine.nextEvent() { node.events.append(event) }
    while let pong = node.engine.nextPong() { node.pongs.append(pong) }
  }

  /// Has a node send a ping.
  func ping(_ number: UInt32, size: Int, from sender: Int, to receiver: UInt16) throws(LinkError) {
    try nodes[sender].engine.ping(NodeID(receiver), number: number, size: size, at: instant)
    pump(sender)
  }
}
