import Ethernet

// The links of one node, as a state machine without input or output. Its user calls
//
//   - `receive` with each frame that comes, and acts on the result;
//   - `send` with each message for a peer;
//   - `nextFrame` and `write`, again and again, while there is room for a frame to send and `nextFrame` gives one;
//   - `nextReleasedPage` after `receive` and `close`, until it gives none: slots are not free before;
//   - all of this at `deadline` at the latest.
//
// A message is a body of up to 128 bytes, copied when it is sent, and perhaps a page, which is not copied: its lines go
// from where they are straight into the frame, and on the other side from the frame to where they belong. For that a
// message with a page takes several frames. All memory is allocated by `init`.

/// The links of one node to its peers: reliable, in order, with bounded memory.
public struct LinkTable<Routines: ByteRoutines & ~Copyable>: ~Copyable {
  /// Who this node is. All but the epoch stays while a link is open.
  public var local: LocalNode

  public let options: LinkOptions
  public let routines: Routines

  /// Dropped frames, from whomever. Users of the table add what they find in bodies.
  public var drops = FrameCounters()

  /// What has gone over all links, and as datagrams, by `MessageKind.index`.
  public internal(set) var traffic = TrafficCounters<12>()

  /// The latest time for the next call of `nextFrame`; it may have work then, or not.
  public internal(set) var deadline = Instant.never

  /// The header of the frame that `nextFrame` gave last.
  public internal(set) var outgoing = FrameHeader(
    destination: MACAddress(0), source: MACAddress(0), kind: .acknowledgement)

  /// Links that are open.
  public internal(set) var peers = NodeSet()

  var links: [Link]
  var slots: [SendSlot]
  /// Links that have a frame to send.
  var ready = NodeSet()
  /// Links whose oldest slot waits for the release of its page.
  var releasing = NodeSet()
  /// Where the search for a ready link goes on, so that all get their turn.
  var turn = 0

  /// A table for the nodes 0 to `nodeCount` − 1, without any link.
  public init(
    local: LocalNode, nodeCount: Int, options: LinkOptions = LinkOptions(), routines: consuming Routines
  ) {
    precondition(nodeCount > 0 && nodeCount <= NodeID.limit)
    precondition(options.messageCount > 0 && options.messageCount.nonzeroBitCount == 1)
    precondition(options.window > options.acknowledgementCount && options.acknowledgementCount > 0)
    precondition(options.window < Receiving.distanceLimit)
    precondition(options.minimumTimeout > options.acknowledgementDelay)
    precondition(options.minimumTimeout <= options.maximumTimeout)
    self.local = local
    self.options = options
    self.routines = routines
    links = (0..<nodeCount).map { Link($0, options) }
    slots = [SendSlot](repeating: SendSlot(), count: nodeCount * options.messageCount)
  }

  /// Opens a link to `peer`, which must do the same. A link to an earlier incarnation is closed.
  ///
  /// Frames that come before the peer has opened its end are lost, and sent again. Until the first frame comes,
  /// `lastHeard` is `now`.
  public mutating func open(_ peer: Peer, at now: Instant) throws(LinkError) {
    guard peer.id != local.id, peer.id.index < links.count else { throw .noSuchPeer }
    let index = peer.id.index
    guard
      links[index].peer.incarnation != peer.incarnation || links[index].localIncarnation != local.incarnation
    else { throw .sameIncarnations }
    close(peer.id)
    links[index].open(peer, for: local, at: now)
    peers.insert(peer.id)
  }

  /// Closes the link to `id`, if there is one. What is on its way may arrive or not; the pages are released.
  public mutating func close(_ id: NodeID) {
    guard peers.contains(id) else { return }
    links[id.index].close(slots)
    peers.remove(id)
    update(id)
  }

  /// The other end of the link to `id`; nil where there is none.
  public func peer(_ id: NodeID) -> Peer? { peers.contains(id) ? links[id.index].peer : nil }

  /// When a frame of the link's peer last came, acknowledgement and datagrams included; nil where there is no link.
  public func lastHeard(_ id: NodeID) -> Instant? { peers.contains(id) ? links[id.index].lastHeard : nil }

  /// The smoothed round-trip time in nanoseconds; nil where there is no link or no measurement yet.
  public func roundTripTime(_ id: NodeID) -> UInt64? {
    peers.contains(id) ? links[id.index].sending.roundTripTime.smoothed : nil
  }

  /// What has gone over the link since it was opened; zeros where there never was one.
  public func counters(_ id: NodeID) -> LinkCounters {
    id.index < links.count ? links[id.index].counters : LinkCounters()
  }

  /// Whether there is a frame to send.
  public var hasFrames: Bool { !ready.isEmpty }

  /// Recomputes what the table knows of a link that has changed.
  @inline(__always)
  mutating func update(_ id: NodeID) {
    let status = links[id.index].status
    ready.set(id, to: status.isReady)
    releasing.set(id, to: status.isReleasing)
    deadline = min(deadline, status.deadline)
  }
}
