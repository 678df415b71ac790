import Coherence
import Ethernet
import Memory
import Wire

/// One node: the engine and the links as they are in the kernel, and the simplest driver between them.
final class LinkNode<Rules: ProtocolRules> {
  enum VCPU: UInt8 {
    case idle
    case reading
    case writing
    /// Has to report its fault again.
    case retryingRead
    case retryingWrite
  }

  /// A frame of the node's memory: it belongs to the page, and to the links that have yet to send it.
  struct Frame {
    var contents = HashedBytes(page: 0xEE)
    var isInUse = true
    var references = 0
  }

  let id: NodeID
  let peer: NodeID
  var engine: CoherenceEngine<Rules>
  var links: LinkTable<HostByteRoutines>
  /// The node's clock: it only goes on when a timer goes off.
  var now = Instant(nanoseconds: 0)
  var vCPU = VCPU.idle
  var accessesLeft: Int
  var frames: [Frame] = []
  /// The frame that the page is in.
  var frame: Int?
  var twin: HashedBytes?
  var twinVersion = PageVersion.none
  /// What some core may still do, and what will be left after the shootdown that is under way.
  var permission = Permission.none
  var shootdown: Permission?
  /// Messages that wait for room on the link.
  var backlog: [(message: CoherenceMessage, page: OutgoingPage)] = []
  /// The message that is coming in fragments, and the lines so far.
  var incoming: (message: CoherenceMessage, lines: PageLines)?
  /// Frames that the link has handed on.
  var framesTaken = 0

  init(_ index: Int, _ configuration: LinkCheckConfiguration, rules: Rules) {
    id = NodeID(UInt16(index))
    peer = NodeID(UInt16(1 - index))
    var options = CoherenceOptions()
    options.keepsStaleCopies = configuration.keepsStaleCopies
    options.requestLimit = 2
    engine = CoherenceEngine(local: id, homes: HomeMap(pageCounts: [1, 0]), options: options, rules: rules)
    var local = LocalNode(
      address: Self.address(index), incarnation: Self.incarnation(index), cluster: ClusterID(1))
    local.id = id
    links = LinkTable(local: local, nodeCount: 2, options: Self.linkOptions, routines: HostByteRoutines())
    accessesLeft = configuration.accesses
    do {
      let other = Peer(
        id: peer, incarnation: Self.incarnation(1 - index), address: Self.address(1 - index))
      try links.open(other, at: now)
    } catch {
      preconditionFailure("the link does not open")
    }
  }

  init(copying other: LinkNode) {
    id = other.id
    peer = other.peer
    engine = other.engine
    links = LinkTable(copying: other.links, routines: HostByteRoutines())
    now = other.now
    vCPU = other.vCPU
    accessesLeft = other.accessesLeft
    frames = other.frames
    frame = other.frame
    twin = other.twin
    twinVersion = other.twinVersion
    permission = other.permission
    shootdown = other.shootdown
    backlog = other.backlog
    incoming = other.incoming
    framesTaken = other.framesTaken
  }

  private static func address(_ index: Int) -> MACAddress { MACAddress(0x0200_0000_0000 + UInt64(index)) }
  private static func incarnation(_ index: Int) -> Incarnation { Incarnation(1000 + UInt32(index)) }

  /// Small, so that links are full now and then; and with one length for all timeouts, so that round-trip times make no
  /// difference. An acknowledgement's delay is so much shorter that a retransmission never comes with it by chance.
  private static var linkOptions: LinkOptions {
    var options = LinkOptions()
    options.window = 4
    options.messageCount = 4
    options.acknowledgementCount = 3
    options.acknowledgementDelay = 1
    options.initialTimeout = 1 << 30
    options.minimumTimeout = 1 << 30
    options.maximumTimeout = 1 << 30
    return options
  }

  var page: PageNumber { PageNumber(0) }
  var cached: CachePage { engine.cachePage(page) }
  var mustAcknowledge: Bool { links.acknowledgementDeadline(peer) != .never }
  var waitsForAcknowledgement: Bool { links.retransmissionDeadline(peer) != .never }

  var isQuiet: Bool {
    links.isQuiet && backlog.isEmpty && vCPU == .idle && shootdown == nil && incoming == nil
  }

  var contents: HashedBytes? { frame.map { frames[$0].contents } }

  // MARK: Memory

  func needFrame() {
    guard frame == nil else { return }
    if let free = frames.firstIndex(where: { !$0.isInUse && $0.references == 0 }) {
      frames[free] = Frame()
      frame = free
    } else {
      frames.append(Frame())
      frame = frames.count - 1
    }
  }

  func freeFrame(_ index: Int) {
    frames[index].isInUse = false
    frame = nil
    twin = nil
  }

  /// Frames that the link needs no more, and messages that it has room for with that.
  func takeReleasedPages() {
    while let released = links.nextReleasedPage() {
      frames[Int(released.frame.value / pageSize)].references -= 1
    }
    sendBacklog()
  }

  func sendBacklog() {
    while let (message, page) = backlog.first, links.freeMessageCount(peer) > 0 {
      do { try links.send(CoherenceBody(message), page: page, to: peer) } catch { return }
      backlog.removeFirst()
    }
  }
}
