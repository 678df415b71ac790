import Wire

// The member with the lowest number leads: its reading of the cluster's time is the time. The others ask it, and
// know from each answer in which interval its time must be: not before what the answer says, and later by no more
// than the whole exchange took beyond what the leader needed for it. Intervals of several answers overlap; an older one
// counts as wider, by the drift since. The node takes the middle of what they have in common.
//
// A leader that has no time itself, as it has only come, asks the others. If one has the time it follows that
// one for a while and leads on from there; if none has, time starts. Until it leads it gives no time.

/// How a node gets the cluster's time, and gives it.
struct ClockFollower {
  private(set) var clock = ClusterClock()
  private(set) var deadline = Instant.never

  private let interval: UInt64
  private let longest: UInt64
  private let drift: UInt64

  private var ownID = NodeID.none
  private var members = NodeSet()
  private var leader = NodeID.none
  private var leaderIncarnation = Incarnation.none
  private var isLeading = false
  /// Whom the next request is for, and the one that is open.
  private var asked = NodeID.none
  private var requestedAt: Instant?
  private var isRequestDue = false
  /// Members that have said that they have no time.
  private var timeless = NodeSet()
  private var sampleCount = 0

  /// Cluster time minus own time: between these two, at `measuredAt`.
  private var lowest: Int64 = 0
  private var highest: Int64 = 0
  private var measuredAt: Instant?

  /// Requests that have not been answered, one of each peer.
  private var pending = NodeSet()
  private var requests: [ClockRequest]
  private var receivedAt: [Instant]

  /// Times and readings from there on are taken for nonsense: 146 years.
  private static let limit: UInt64 = 1 << 62
  /// Samples before a leader without time takes it over, or a follower asks less often.
  private static let firstSampleCount = 4
  /// The uncertainty of one who has no time.
  static let timelessUncertainty = UInt32.max

  init(nodeCount: Int, _ options: ClusterOptions) {
    interval = options.clockInterval
    longest = options.failureTime
    drift = options.clockDrift
    requests = [ClockRequest](
      repeating: ClockRequest(sentAt: Instant(nanoseconds: 0)), count: nodeCount)
    receivedAt = [Instant](repeating: Instant(nanoseconds: 0), count: nodeCount)
  }

  var hasDatagrams: Bool { isRequestDue || !pending.isEmpty }

  // MARK: Who leads

  mutating func mapChanged(_ map: borrowing ClusterMap, ownID: NodeID, at now: Instant) {
    self.ownID = ownID
    members = map.members
    pending = pending.intersection(members)
    requestedAt = nil
    timeless = NodeSet()
    guard let first = members.first(), let incarnation = map[first]?.peer.incarnation else { return }
    let isNew = first != leader || incarnation != leaderIncarnation
    leader = first
    leaderIncarnation = incarnation
    if first == ownID {
      let isAlone = members.count == 1
      let canLead = clock.hasTime && (isNew || !members.contains(asked))
      guard !isLeading, !isAlone, !canLead else { return lead(at: now) }
      if !members.contains(asked) { asked = members.first(from: ownID.index + 1) ?? .none }
      ask(at: now)
    } else {
      if isNew { forgetMeasurements(at: now) }
      isLeading = false
      asked = first
      ask(at: now)
    }
  }

  private mutating func lead(at now: Instant) {
    let value = clock.hasTime ? clock.reading(at: now) : 0
    clock = ClusterClock(anchor: now, value: value, hasTime: true, isMeasured: true)
    isLeading = true
    isRequestDue = false
    requestedAt = nil
    asked = .none
    deadline = .never
  }

  /// The measurements were of another leader.
  private mutating func forgetMeasurements(at now: Instant) {
    sampleCount = 0
    measuredAt = nil
    guard clock.hasTime else { return }
    clock.halfWidth = clock.bound(at: now)
    clock.value = clock.reading(at: now)
    clock.ahead = 0
    clock.anchor = now
    clock.drift = drift
    clock.isMeasured = false
  }

  mutating func stop() {
    isRequestDue = false
    pending = NodeSet()
    deadline = .never
  }

  // MARK: Asking

  mutating func advance(at now: Instant) {
    guard now >= deadline else { return }
    ask(at: now)
  }

  private mutating func ask(at now: Instant) {
    guard asked.isNode else { return }
    isRequestDue = true
    deadline = now + (sampleCount < Self.firstSampleCount ? interval / 4 : interval)
  }

  /// The request that is due, stamped.
  mutating func nextRequest(at now: Instant) -> (NodeID, ClockRequest)? {
    guard isRequestDue, asked.isNode else { return nil }
    isRequestDue = false
    requestedAt = now
    return (asked, ClockRequest(sentAt: now))
  }

  mutating func receive(_ reply: ClockReply, from id: NodeID, at now: Instant) {
    guard let sentAt = requestedAt, id == asked, reply.requestSentAt == sentAt else { return }
    requestedAt = nil
    guard reply.uncertainty != Self.timelessUncertainty else { return receiveNoTime(from: id, at: now) }
    let whole = now.since(sentAt)
    let inside = reply.sentAt - reply.receivedAt
    guard now.nanoseconds < Self.limit, reply.sentAt < Self.limit, inside <= whole, whole <= longest
    else { return }
    take(reply, exchange: whole - inside + ClusterClock.drift(in: whole, drift), at: now)
    sampleCount += 1
    if ownID == leader, sampleCount >= Self.firstSampleCount { lead(at: now) }
  }

  /// One who was asked has no time: the next one may have.
  private mutating func receiveNoTime(from id: NodeID, at now: Instant) {
    guard ownID == leader, !clock.hasTime else { return }
    timeless.insert(id)
    for other in members.nodes where other != ownID && !timeless.contains(other) {
      asked = other
      return ask(at: now)
    }
    lead(at: now)
  }

  private mutating func take(_ reply: ClockReply, exchange: UInt64, at now: Instant) {
    let offset = Int64(reply.sentAt) - Int64(now.nanoseconds)
    var low = offset - Int64(reply.uncertainty)
    var high = offset + Int64(exchange) + Int64(reply.uncertainty)
    if let measuredAt {
      let widening = Int64(ClusterClock.drift(in: now.since(measuredAt), drift))
      // Where the two have nothing in common, a clock has not kept its promise: the new one counts.
      let commonLow = max(low, lowest - widening)
      let commonHigh = min(high, highest + widening)
      if commonLow <= commonHigh { (low, high) = (commonLow, commonHigh) }
    }
    lowest = low
    highest = high
    measuredAt = now
    let width = UInt64(high - low)
    let estimate = UInt64(max(0, Int64(now.nanoseconds) + low + Int64(width / 2)))
    let shown = clock.hasTime ? clock.reading(at: now) : 0
    clock = ClusterClock(
      anchor: now, value: max(shown, estimate), ahead: shown > estimate ? shown - estimate : 0,
      halfWidth: width / 2 + 1, drift: drift, hasTime: true, isMeasured: true)
  }

  // MARK: Giving

  mutating func receive(_ request: ClockRequest, from id: NodeID, at now: Instant) {
    guard members.contains(id) else { return }
    pending.insert(id)
    requests[id.index] = request
    receivedAt[id.index] = now
  }

  /// The next answer, stamped.
  mutating func nextReply(at now: Instant) -> (NodeID, ClockReply)? {
    guard let id = pending.first() else { return nil }
    pending.remove(id)
    let request = requests[id.index]
    guard clock.hasTime, isLeading || ownID != leader else {
      return (
        id,
        ClockReply(
          requestSentAt: request.sentAt, receivedAt: 0, sentAt: 0, uncertainty: Self.timelessUncertainty)
      )
    }
    let sentAt = clock.reading(at: now)
    let inside = min(sentAt, now.since(receivedAt[id.index]))
    let uncertainty = min(clock.bound(at: now), UInt64(Self.timelessUncertainty) - 1)
    return (
      id,
      ClockReply(
        requestSentAt: request.sentAt, receivedAt: sentAt - inside, sentAt: sentAt,
        uncertainty: UInt32(uncertainty))
    )
  }
}
