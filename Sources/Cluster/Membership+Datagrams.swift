import Ethernet
import Wire

extension Membership {
  /// Whether `writeDatagram` has something to write.
  public var hasDatagrams: Bool { !due.isEmpty || !outbox.isEmpty || clockFollower.hasDatagrams }

  /// Writes the next datagram, with the time of `now` where it tells one: it has to be sent at once.
  ///
  /// - Parameter bytes: has room for the longest frame.
  /// - Returns: the bytes to be sent, without FCS; nil where there is nothing to send.
  public mutating func writeDatagram<Routines: ByteRoutines & ~Copyable>(
    to bytes: inout MutableSpan<UInt8>, links: inout LinkTable<Routines>, at now: Instant
  ) -> Int? {
    while let (id, reply) = clockFollower.nextReply(at: now) {
      if let count = links.write(reply, to: .peer(id), into: &bytes) { return count }
    }
    while let (id, request) = clockFollower.nextRequest(at: now) {
      if let count = links.write(request, to: .peer(id), into: &bytes) { return count }
    }
    if due.view {
      due.view = false
      lastView = now
      if let view { return links.write(view, to: .everyone, into: &bytes) }
    }
    if due.heartbeat {
      due.heartbeat = false
      return links.write(nextHeartbeat(links, at: now), to: .everyone, into: &bytes)
    }
    if due.announcement {
      due.announcement = false
      lastAnnouncement = now
      return links.write(known[0].announcement, to: .everyone, into: &bytes)
    }
    while let next = outbox.takeLast() {
      let destination = DatagramDestination.stranger(next.address, next.id, next.incarnation)
      if let count = links.write(next.refusal, to: destination, into: &bytes) { return count }
    }
    return nil
  }

  /// What this node proposes, or the map that it has installed.
  private var view: View? {
    if let proposalEpoch {
      return View(epoch: proposalEpoch, stage: stage, members: proposal.members, digest: proposal.digest)
    }
    guard !installed.isEmpty else { return nil }
    return View(epoch: map.epoch, stage: .agreed, members: map.members, digest: map.digest)
  }

  private mutating func nextHeartbeat<Routines: ByteRoutines & ~Copyable>(
    _ links: borrowing LinkTable<Routines>, at now: Instant
  ) -> Heartbeat {
    var heard = NodeSet()
    for id in installed.members.nodes {
      let place = installed.place(id)
      let latest = max(known[place].lastHeard, links.lastHeard(id) ?? known[place].lastHeard)
      if place == 0 || now.since(latest) < options.suspicionTime { heard.insert(id) }
    }
    defer { heartbeatNumber &+= 1 }
    return Heartbeat(number: heartbeatNumber, heard: heard, digest: map.digest)
  }
}
