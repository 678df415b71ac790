import Ethernet
import Wire

// How nodes become a cluster and remain one, as a state machine without input or output.
//
// A map (who is in the cluster, with which number) makes an epoch. It takes two stages. A node that has computed a map
// says `proposed`. Once all members of the map have said so, it is *locked* on it and says `agreed`; once all have said
// that, it *installs* the map. Two rules make this safe, whatever gets lost, doubled or late:
//
//   - For an epoch a node proposes one map, ever. So no two nodes can install different maps of one epoch that each
//     have the other in them: both would have proposed both.
//   - A node that is locked counts as a member for the others, as some may have installed the map. Whom a node leaves
//     out from then on is declared down: that incarnation can't come back, and is told so.
//
// What a node proposes follows from what it knows (`computeTarget`); where nodes know different things they propose
// different maps, in ever higher epochs, until they know the same. What the members of a cluster take to be down only ever
// grows, by what they find and by what others say, so that they do get there.

/// One node's part in the cluster: who is in it, who lives, in which epoch, and what time it is.
///
/// Its user calls `receive` with each datagram that its `LinkTable` gives, `advance` at `deadline` at the latest, and
/// `writeDatagram` and `nextEvent` after both until they give nothing. It opens and closes the table's links, and sets
/// `local.id` and `local.epoch` of the table. All memory is allocated by `init`.
public struct Membership: ~Copyable {
  public enum State: Equatable, Sendable {
    /// Looking for others.
    case gathering
    /// There are enough; they are agreeing on the first map.
    case agreeing
    /// A map is installed. The next one may be being agreed on.
    case member
    /// The others have declared this incarnation down: it does nothing any more.
    case expelled
  }

  public let options: ClusterOptions
  /// The map that is installed; empty before.
  public private(set) var map: ClusterMap
  /// When `advance` has to be called, at the latest.
  public internal(set) var deadline: Instant

  let local: LocalNode
  var isExpelled = false
  var known: KnownNodes
  var casualties: Casualties
  var events: EventRing

  /// The members of `map`.
  var installed: Roster
  /// The map that the node was locked on last, installed or not: what the next one is made from.
  var base: Roster
  /// The map that is being agreed on, if `proposalEpoch` says so.
  var proposal: Roster
  var proposalEpoch: Epoch?
  var stage = View.Stage.proposed
  /// What `computeTarget` computes into.
  var target: Roster
  var candidates: CandidateList
  /// Whether something has changed that may ask for another map.
  var isDirty = true
  /// Before then a map is computed only where that takes no search.
  var nextSearch: Instant
  /// How often a node was looked at as a candidate for a map: the larger part of the work.
  var examinationCount = 0
  var highestProposed = Epoch(0)
  var highestAgreed = Epoch(0)
  /// When the node was locked on the base, and when the map was installed.
  var lockedAt: Instant
  var installedAt: Instant

  /// Members of the base that will not be in the next map.
  var down = NodeSet()
  public internal(set) var suspected = NodeSet()
  /// Until then no map is made without those that have gone on without this node: they may be about to say so.
  var holdOff: Instant?
  /// Silence before this instant is this node's own fault: it did not run.
  var grace: Instant
  /// When a heartbeat last came from a cluster that this node is not in, and since when they have been coming.
  var foreignClusterHeard: Instant?
  var foreignClusterSince = Instant(nanoseconds: 0)
  var foreignMembers: ForeignMembers
  /// When others last refused this node.
  var refusedAt: Instant?

  var heartbeatNumber: UInt32 = 0
  /// From then on this node may found a cluster.
  let founding: Instant
  var nextScan: Instant
  var nextAnnouncement: Instant
  var nextHeartbeat: Instant
  var nextView: Instant
  var lastView: Instant?
  var lastAnnouncement: Instant?
  var due = DueDatagrams()
  var outbox: RefusalOutbox
  /// Refusals to and by nodes, known or not.
  var saidToStrangers = RefusalHistory()
  var heardRefusals = RefusalHistory()
  var refusalBudget = RefusalBudget()
  var clockFollower: ClockFollower

  /// A node that starts looking for the others.
  ///
  /// - Parameters:
  ///   - announcement: what the node has to offer; its address and number of nodes are replaced by the other two's.
  ///   - local: who the node is, as its `LinkTable` says.
  public init(_ announcement: Announcement, local: LocalNode, options: ClusterOptions, at now: Instant) {
    precondition(options.nodeCount > 0 && options.nodeCount <= NodeID.limit)
    precondition(options.suspicionTime < options.failureTime)
    self.options = options
    self.local = local
    events = EventRing(nodeCount: options.nodeCount)
    map = ClusterMap(nodeCount: options.nodeCount)
    var own = KnownNode()
    own.isUsed = true
    own.isPinned = true
    own.address = local.address
    own.incarnation = local.incarnation
    own.announcement = announcement
    own.announcement.address = local.address
    own.announcement.nodeCount = UInt16(options.nodeCount)
    own.lastHeard = now
    known = KnownNodes(own, capacity: 2 * options.nodeCount + 16)
    casualties = Casualties(capacity: 2 * options.nodeCount + 16)
    installed = Roster(nodeCount: options.nodeCount)
    base = Roster(nodeCount: options.nodeCount)
    proposal = Roster(nodeCount: options.nodeCount)
    target = Roster(nodeCount: options.nodeCount)
    candidates = CandidateList(capacity: options.nodeCount)
    foreignMembers = ForeignMembers(nodeCount: options.nodeCount)
    outbox = RefusalOutbox(capacity: 16)
    clockFollower = ClockFollower(nodeCount: options.nodeCount, options)
    deadline = now
    grace = now
    lockedAt = now
    installedAt = now
    founding = now + 3 * options.heartbeatInterval
    nextSearch = now
    nextScan = now
    nextAnnouncement = now
    nextHeartbeat = .never
    nextView = .never
  }

  public var state: State {
    if isExpelled { return .expelled }
    if !installed.isEmpty { return .member }
    return proposalEpoch == nil && base.isEmpty ? .gathering : .agreeing
  }

  /// Reads the cluster's time.
  public var clock: ClusterClock { clockFollower.clock }

  /// The next thing that has happened; nil where there is none.
  public mutating func nextEvent() -> ClusterEvent? { events.next() }

  /// Events that were not reported. These are refusals, of which there were too many at once, unless nobody took what
  /// happened to the cluster.
  public var lostEventCount: UInt64 { events.lostCount }

  /// This node's number in the installed map.
  var ownID: NodeID? { installed.id(ofPlace: 0) }

  /// Makes the proposal, which all have agreed to, the map.
  mutating func installMap(_ epoch: Epoch) {
    for id in proposal.members.nodes {
      let node = known[proposal.place(id)]
      let peer = Peer(id: id, incarnation: node.incarnation, address: node.address)
      map.set(Member(peer: peer, announcement: node.announcement))
    }
    map.begin(epoch, proposal.members, proposal.digest)
    installed.copy(proposal)
    base.copy(proposal)
  }

  /// Gives the places of nodes free that are in no map any more.
  mutating func updatePins() {
    for place in 1..<known.end { known[place].isPinned = false }
    for id in installed.members.nodes { known[installed.place(id)].isPinned = true }
    for id in base.members.nodes { known[base.place(id)].isPinned = true }
    if proposalEpoch != nil {
      for id in proposal.members.nodes { known[proposal.place(id)].isPinned = true }
    }
    known[0].isPinned = true
  }
}
