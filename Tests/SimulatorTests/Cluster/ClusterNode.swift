import Coherence
import Memory
import Wire

@testable import Simulator

/// The messages of a run. Frames carry their numbers: how messages are written down is not what is tested here.
final class SentMessages {
  var list: [CoherenceMessage] = []
}

/// One node: the engine and the links as they are in the kernel, and a driver between them.
final class ClusterNode<Rules: ProtocolRules> {
  enum VCPU {
    case idle
    /// Wants the page, and has asked for it if it is not about to.
    case waiting(page: Int, write: Bool)
    case finished
  }

  let id: NodeID
  let peer: Peer
  let sent: SentMessages
  var engine: CoherenceEngine<Rules>
  var links: LinkTable<PortableByteRoutines>
  var frames = NodeFrames()
  var pages: [NodePage]
  var vcpus: [VCPU]
  var accessesLeft: [Int]
  /// Messages that wait for room on a link, for each node.
  var backlog: [[(message: CoherenceMessage, page: OutgoingPage)]]
  /// The message whose fragments come from each node, and the lines so far.
  var incoming: [(message: CoherenceMessage, lines: PageLines)?]
  /// The vCPU and the page of a fault that is being reported.
  var fault: (vcpu: Int, page: Int)?
  var messageCount = 0
  var contentBytes = 0

  init(_ index: Int, _ configuration: RunConfiguration, homes: HomeMap, sent: SentMessages, rules: Rules) {
    self.sent = sent
    id = NodeID(UInt16(index))
    peer = Self.peer(index)
    engine = CoherenceEngine(local: id, homes: homes, rules: rules)
    var local = LocalNode(address: peer.address, incarnation: peer.incarnation, cluster: ClusterID(1))
    local.id = id
    links = LinkTable(local: local, nodeCount: configuration.nodeCount, routines: PortableByteRoutines())
    pages = [NodePage](repeating: NodePage(), count: homes.pageCount)
    vcpus = [VCPU](repeating: .idle, count: configuration.vcpuCount)
    accessesLeft = [Int](repeating: configuration.accessCount, count: configuration.vcpuCount)
    backlog = Array(repeating: [], count: configuration.nodeCount)
    incoming = Array(repeating: nil, count: configuration.nodeCount)
  }

  /// No Ethernet looks at addresses here: all have the one of an empty announcement.
  static func peer(_ index: Int) -> Peer {
    Peer(
      id: NodeID(UInt16(index)), incarnation: Incarnation(1000 + UInt32(index)),
      address: Announcement().address)
  }

  // MARK: Sending

  /// Says of a message what its contents are, and gives it to the link, or to those that wait for it.
  func send(_ message: CoherenceMessage, to receiver: NodeID) {
    var message = message
    var outgoing = OutgoingPage.none
    switch message.content {
    case .none: break
    case .zero: outgoing = .zero
    case .page, .changes:
      let frame = pages[Int(message.page.value)].frame!
      if frames[frame].allSatisfy({ $0 == 0 }) {
        message.content = .zero
        outgoing = .zero
      } else {
        let lines = lines(of: &message, frame)
        outgoing = .lines(lines, frame: frames.refer(to: frame))
        contentBytes += lines.count * PageLines.lineSize
      }
    }
    messageCount += 1
    backlog[receiver.index].append((message, outgoing))
    sendBacklog(receiver)
  }

  /// The lines that have to travel.
  private func lines(of message: inout CoherenceMessage, _ frame: Int) -> PageLines {
    guard message.content == .changes else { return .all }
    if message.known == message.version { return [] }
    let page = pages[Int(message.page.value)]
    guard let twin = page.twin, page.twinVersion == message.version else {
      message.content = .page
      return .all
    }
    var lines: UInt64 = 0
    for line in 0..<64 {
      let range = 64 * line..<64 * (line + 1)
      if frames[frame][range] != twin[range] { lines |= 1 << UInt64(line) }
    }
    return PageLines(rawValue: lines)
  }

  func sendBacklog(_ receiver: NodeID) {
    var sentCount = 0
    for (message, page) in backlog[receiver.index] {
      guard links.freeMessageCount(receiver) > 0 else { break }
      let ping = Ping(number: UInt32(self.sent.list.count), sentAt: Instant(nanoseconds: 0))
      do { try links.send(ping, page: page, to: receiver) } catch { break }
      self.sent.list.append(message)
      sentCount += 1
    }
    backlog[receiver.index].removeFirst(sentCount)
  }

  /// Frames that links need no more, and the room that this makes.
  func takeReleasedPages() {
    while let released = links.nextReleasedPage() { frames.unrefer(released.frame) }
    for receiver in backlog.indices where !backlog[receiver].isEmpty { sendBacklog(NodeID(UInt16(receiver))) }
  }
}
