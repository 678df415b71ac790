import Cluster
import Coherence
import Memory
import Wire

// The distributed part of one node, as a state machine without input or output. Whoever drives it calls
//
//   - `receive` with each frame that comes;
//   - `advance` at `deadline` at the latest;
//   - `writeFrame`, again and again, while there is room for a frame to send and it gives one;
//   - `nextEvent` and `nextPong` after each of these, until they give none.

/// Membership, links and what travels on them, of one node.
public struct NodeEngine<Routines: ByteRoutines & ~Copyable, Pages: PageMemory & ~Copyable>: ~Copyable {
  public internal(set) var links: LinkTable<Routines>
  public internal(set) var membership: Membership
  /// The driver may read and write frames that it has mapped.
  public var pages: Pages
  var pings: PingState
  var memory: NodeMemory
  /// Nodes that have sent what no correct node sends, since this was looked at last.
  var brokenLinks = NodeSet()
  var guestMessage: (message: GuestMessage, sender: NodeID)?
  public internal(set) var traffic = GuestTraffic()
  public internal(set) var evictionCounters = EvictionCounters()
  /// Frames of pings and pongs that were taken.
  public internal(set) var pingFrameCount: UInt64 = 0
  /// Pings and pongs that have come, in full.
  public internal(set) var receivedPingCount: UInt64 = 0
  /// Pings that were not answered, or without their page, for want of a frame or of room for their pong.
  public internal(set) var curtailedPings: UInt64 = 0

  /// - Parameters:
  ///   - frames: belong to the engine from now on. With n of them it can hold n − 1 pages of pings at a time.
  public init(
    _ announcement: Announcement, local: LocalNode, options: ClusterOptions, links linkOptions: LinkOptions,
    routines: consuming Routines, pages: consuming Pages, frames: [HostPhysicalAddress], at now: Instant
  ) {
    links = LinkTable(
      local: local, nodeCount: options.nodeCount, options: linkOptions, routines: routines)
    membership = Membership(announcement, local: local, options: options, at: now)
    self.pages = pages
    memory = .empty(nodeCount: options.nodeCount)
    pings = PingState(frames: frames, nodeCount: options.nodeCount)
    var pattern = self.pages.mutableBytes(of: pings.pattern)
    for index in pattern.indices { pattern[index] = Self.pattern(index) }
  }

  /// Byte `index` of the page that pings carry: different in neighbouring bytes and neighbouring lines.
  static func pattern(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: index &* 167 &+ index >> 6) }

  /// When `advance` and `writeFrame` have to be called at the latest.
  public var deadline: Instant { min(links.deadline, membership.deadline) }

  /// Whether `writeFrame` has a frame, deadlines that have passed left out.
  public var hasFrames: Bool { links.hasFrames || membership.hasDatagrams }

  /// Does what is due.
  public mutating func advance(at now: Instant) {
    if now >= membership.deadline { membership.advance(links: &links, at: now) }
    finish(at: now)
  }

  /// Writes the next frame to send to the start of `bytes`, which has room for the longest one.
  ///
  /// - Returns: the bytes to be sent, without FCS; nil where there is nothing to send. It counts as sent.
  @inline(__always)
  public mutating func writeFrame(to bytes: inout MutableSpan<UInt8>, at now: Instant) -> Int? {
    if membership.hasDatagrams, let count = membership.writeDatagram(to: &bytes, links: &links, at: now) {
      return count
    }
    guard let frame = links.nextFrame(at: now) else { return nil }
    links.write(frame, page: pages.bytes(of: frame.page ?? pings.pattern), to: &bytes)
    return frame.count
  }

  /// What has happened to the cluster; nil where there is no more.
  public mutating func nextEvent() -> ClusterEvent? { membership.nextEvent() }

  /// What may follow from any frame, and from time.
  @inline(__always)
  mutating func finish(at now: Instant) {
    if !brokenLinks.isEmpty { breakLinks(at: now) }
    if pings.heldCount > 0 { sendHeldPongs() }
    if links.hasReleasedPages {
      releasePages()
      settle()
    } else if !memory.pending.receivers.isEmpty {
      settle()
    }
  }

  @inline(never)
  private mutating func breakLinks(at now: Instant) {
    while let id = brokenLinks.first() {
      brokenLinks.remove(id)
      membership.linkBroke(id, links: &links, at: now)
    }
  }

  @inline(never)
  private mutating func releasePages() {
    while let page = links.nextReleasedPage() {
      if memory.frames.isHeld(page.frame) {
        memory.frames.release(page.frame)
      } else {
        pings.giveBack(page.frame)
      }
    }
  }
}
