import Coherence
import Memory
import Support
import Wire

@testable import Simulator

// Virtual time, one queue of events, and one source of random numbers: the same seed gives the same run. What a vCPU reads
// is compared with what was written last, all 4096 bytes: that is what coherence promises at every moment, and not just
// between messages, since nobody writes before every other copy is out of reach.

/// A cluster at work on a network with faults.
final class ClusterRun<Rules: ProtocolRules> {
  enum Event {
    case arrival(node: Int, frame: [UInt8])
    case wake(node: Int)
    case step(node: Int, vcpu: Int)
    case retire(node: Int, vcpu: Int, page: Int, isPinned: Bool)
    case shotDown(node: Int, page: Int)
  }

  let configuration: RunConfiguration
  let homes: HomeMap
  var nodes: [ClusterNode<Rules>] = []
  let sent = SentMessages()
  var events = EventQueue<Event>()
  var generator: SeededGenerator
  var now: UInt64 = 1_000_000
  /// What every page holds, as the last write left it.
  var contents: [[UInt8]]
  var result = RunResult()
  /// How often a frame of the network arrives, if it is for a test to say; by chance otherwise.
  var carry: ((FrameHeader, [UInt8]) -> Int)?
  /// When each node's next wake-up is in the queue.
  private var wakes: [UInt64]

  init(_ configuration: RunConfiguration, rules: Rules) {
    self.configuration = configuration
    generator = SeededGenerator(seed: configuration.seed)
    let nodeCount = configuration.nodeCount
    homes = HomeMap(
      pageCounts: (0..<nodeCount).map { node in
        UInt64(
          (configuration.pageCount * (node + 1)) / nodeCount - (configuration.pageCount * node) / nodeCount)
      })
    contents = Array(repeating: [UInt8](repeating: 0, count: 4096), count: configuration.pageCount)
    wakes = [UInt64](repeating: .max, count: nodeCount)
    for index in 0..<nodeCount {
      nodes.append(ClusterNode(index, configuration, homes: homes, sent: sent, rules: rules))
    }
  }

  var instant: Instant { Instant(nanoseconds: now) }

  func fail(_ problem: String) {
    if result.problem == nil { result.problem = "at \(now) ns: \(problem)" }
  }

  /// Runs to the end: all accesses done, and nothing on its way.
  func run() -> RunResult {
    for node in nodes {
      for other in nodes where other !== node {
        do throws(LinkError) { try node.links.open(other.peer, at: instant) } catch { fail("\(error)") }
      }
      for vcpu in node.vcpus.indices {
        events.add(.step(node: node.id.index, vcpu: vcpu), at: now + generator.next() % 100_000)
      }
    }
    while result.problem == nil, let (time, event) = events.next() {
      now = time
      handle(event)
      // No run of this size takes a day.
      if now > 86_400_000_000_000 { fail("it does not end") }
    }
    result.nanoseconds = now
    if result.problem == nil { checkEnd() }
    for node in nodes {
      result.messageCount += node.messageCount
      result.contentBytes += node.contentBytes
    }
    return result
  }

  private func handle(_ event: Event) {
    switch event {
    case .arrival(let node, let frame):
      arrive(frame, nodes[node])
      pump(node)
    case .wake(let node):
      if wakes[node] == now { wakes[node] = .max }
      pump(node)
    case .step(let node, let vcpu):
      step(nodes[node], vcpu)
      pump(node)
    case .retire(let node, let vcpu, let page, let isPinned):
      retire(nodes[node], vcpu, page, isPinned: isPinned)
      pump(node)
    case .shotDown(let node, let page):
      nodes[node].pages[page].permission = nodes[node].pages[page].shootdown!
      nodes[node].pages[page].shootdown = nil
      if !nodes[node].engine.handle(.shotDown, on: PageNumber(UInt64(page))) {
        fail("a shootdown is refused")
      }
      act(nodes[node])
      pump(node)
    }
  }

  private func arrive(_ frame: [UInt8], _ node: ClusterNode<Rules>) {
    switch node.links.receive(frame.span, at: instant) {
    case .message(let header):
      let (message, problem) = node.take(header, frame)
      if let problem { fail("node \(node.id.value): \(problem)") }
      if let message {
        node.engine.receive(message, from: header.sender)
        act(node)
      }
    case .broken(let id, let error): fail("node \(node.id.value) breaks its link to \(id.value): \(error)")
    case .datagram, .nothing, .dropped: break
    }
    node.takeReleasedPages()
  }

  // MARK: The network

  private func pump(_ index: Int) {
    let node = nodes[index]
    while let frame = node.links.nextFrame(at: instant) {
      var bytes = [UInt8](repeating: 0, count: frame.count)
      var span = bytes.mutableSpan
      let page = frame.page.map { node.frames.bytes($0) } ?? []
      node.links.write(frame, page: page.span, to: &span)
      transmit(node.links.outgoing, bytes)
    }
    node.takeReleasedPages()
    if node.links.hasFrames { return pump(index) }
    let deadline = node.links.deadline
    if deadline != .never, deadline.nanoseconds < wakes[index] {
      wakes[index] = max(now, deadline.nanoseconds)
      events.add(.wake(node: index), at: wakes[index])
    }
  }

  private func transmit(_ header: FrameHeader, _ frame: [UInt8]) {
    let receiver = header.receiver.index
    result.frameCount += 1
    if let carry {
      for copy in 0..<carry(header, frame) {
        let time = now + configuration.latency * UInt64(1 + 4 * copy)
        events.add(.arrival(node: receiver, frame: frame), at: time)
      }
      return
    }
    if generator.happens(configuration.loss) { return }
    repeat {
      var time = now + configuration.latency + generator.next() % 1_000
      if generator.happens(configuration.reordering) {
        time += generator.next() % (10 * configuration.latency)
      }
      events.add(.arrival(node: receiver, frame: frame), at: time)
    } while generator.happens(configuration.duplication)
  }
}

struct RunResult {
  var problem: String?
  var readCount = 0
  var writeCount = 0
  var faultCount = 0
  var evictionCount = 0
  var messageCount = 0
  var contentBytes = 0
  var frameCount = 0
  var nanoseconds: UInt64 = 0
}

extension SeededGenerator {
  /// Whether something happens that does so with this probability.
  mutating func happens(_ probability: Double) -> Bool {
    probability > 0 && Double(next() >> 11) < probability * 0x1p53
  }
}
