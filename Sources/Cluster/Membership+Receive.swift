import Ethernet
import Wire

extension Membership {
  /// Takes a datagram, as `LinkTable.receive` gave it.
  ///
  /// - Parameters:
  ///   - body: the bytes of the frame in `header.bodyRange`.
  ///   - isFromPeer: what the reception said.
  public mutating func receive<Routines: ByteRoutines & ~Copyable>(
    _ header: FrameHeader, _ body: Span<UInt8>, isFromPeer: Bool, links: inout LinkTable<Routines>,
    at now: Instant
  ) {
    guard !isExpelled, !header.source.isGroup, header.senderIncarnation != .none else { return }
    // Who has announced itself the next scan sees.
    if header.kind == .view || header.kind == .refusal { isDirty = true }
    do throws(FrameError) {
      if header.kind == .refusal {
        receive(try Refusal(header.kind, body), header, at: now)
      } else if let casualty = casualties.place(header.source, header.senderIncarnation) {
        refuse(casualty: casualty, header, at: now)
      } else {
        try receiveFromTheLiving(header, body, isFromPeer: isFromPeer, at: now)
      }
    } catch {
      links.drops.count(error)
    }
    reconsider(&links, at: now)
  }

  private mutating func receiveFromTheLiving(
    _ header: FrameHeader, _ body: Span<UInt8>, isFromPeer: Bool, at now: Instant
  ) throws(FrameError) {
    if header.kind == .announcement { try note(Announcement(header.kind, body), header, at: now) }
    guard let place = known.place(header.source, header.senderIncarnation), place != 0 else {
      if header.kind == .heartbeat { noteForeignCluster(header, at: now) }
      return
    }
    let isFromMember = header.sender.isNode && header.epoch.value > 0
    if isFromMember, !isPlausible(headerEpoch: header.epoch, from: place) { throw .body }
    known[place].lastHeard = now
    if isFromMember {
      if known[place].epoch < header.epoch { isDirty = true }
      known[place].id = header.sender
      known[place].epoch = max(known[place].epoch, header.epoch)
    }
    switch header.kind {
    case .view:
      let view = try View(header.kind, body)
      guard isPlausible(view.epoch, from: place) else { throw .body }
      receive(view, header, from: place, at: now)
    case .heartbeat:
      _ = try Heartbeat(header.kind, body)
      if base.id(ofPlace: place) == nil, !isProposed(place) { noteForeignCluster(header, at: now) }
    case .clockRequest where isFromPeer:
      clockFollower.receive(try ClockRequest(header.kind, body), from: header.sender, at: now)
    case .clockReply where isFromPeer:
      clockFollower.receive(try ClockReply(header.kind, body), from: header.sender, at: now)
    default: break
    }
    noteDesertion(place, at: now)
  }

  /// A member that has installed an epoch which this node has not agreed to has gone on without it.
  private mutating func noteDesertion(_ place: Int, at now: Instant) {
    guard let id = base.id(ofPlace: place), known[place].epoch > highestAgreed else { return }
    guard !installed.isEmpty else { return unlock() }
    guard !down.contains(id) else { return }
    down.insert(id)
    holdOff = holdOff ?? now + options.failureTime
  }

  /// A heartbeat of a node that is a member of some cluster, but as far as this node knows not of its own.
  private mutating func noteForeignCluster(_ header: FrameHeader, at now: Instant) {
    guard header.sender.isNode, header.epoch.value > 0 else { return }
    if foreignClusterHeard.map({ now.since($0) >= options.failureTime }) ?? true { foreignClusterSince = now }
    foreignClusterHeard = now
    let origin = FrameIdentity(header.source, header.senderIncarnation)
    foreignMembers.note(header.sender, origin, at: now)
    guard !installed.isEmpty, down.isEmpty,
      now.since(max(foreignClusterSince, grace)) >= options.failureTime
    else { return }
    let refusal = Refusal(.stranger, detail: weight(installed.members).detail(in: map.epoch))
    refuse(origin, header.sender, refusal, at: now)
  }

  private mutating func note(
    _ announcement: Announcement, _ header: FrameHeader, at now: Instant
  ) throws(FrameError) {
    guard announcement.address == header.source else { throw .body }
    let existing = known.place(header.source, header.senderIncarnation)
    guard existing != 0,
      let place = existing ?? known.makePlace(header.source, header.senderIncarnation)
    else { return }
    // What a map was made from stays as it was.
    if !known[place].isPinned { known[place].announcement = announcement }
    known[place].lastHeard = now
    guard !header.sender.isNode, base.id(ofPlace: place) == nil else { return }
    noteSuccession(place, at: now)
    if let reason = refusalReason(place, at: now) { refuse(place, reason, at: now) }
    // A newcomer has to know the members.
    if !installed.isEmpty, !due.announcement {
      let next = lastAnnouncement.map { $0 + options.announcementInterval } ?? now
      nextAnnouncement = min(nextAnnouncement, max(now, next))
    }
  }

  /// A node with a member's address has announced itself. If the member is not heard any more, it has booted anew.
  private mutating func noteSuccession(_ place: Int, at now: Instant) {
    for id in base.members.nodes where known[base.place(id)].address == known[place].address {
      let old = base.place(id)
      guard old != 0, !down.contains(id) else { continue }
      if known[old].lastHeard.since(known[place].successionStart) > 0 || known[place].successionCount == 0 {
        if known[place].successionCount > 0 { known[place].successionResets += 1 }
        known[place].successionStart = now
        known[place].successionCount = 1
      } else {
        known[place].successionCount += 1
      }
      let age = now.since(known[place].successionStart)
      guard known[place].successionCount > 2, age >= 3 * options.announcementInterval / 2 else { continue }
      fail(id)
      events.add(.rebooted(id, known[place].incarnation))
      return
    }
  }

  /// A member's link broke, as `LinkTable.receive` said: it is not what a member should be.
  public mutating func linkBroke<Routines: ByteRoutines & ~Copyable>(
    _ id: NodeID, links: inout LinkTable<Routines>, at now: Instant
  ) {
    guard !isExpelled, base.members.contains(id), base.place(id) != 0 else { return }
    down.insert(id)
    isDirty = true
    reconsider(&links, at: now)
  }
}
