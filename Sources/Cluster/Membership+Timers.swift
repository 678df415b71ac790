import Ethernet
import Wire

extension Membership {
  /// Does what is due at `now`: to be called at `deadline` at the latest.
  public mutating func advance<Routines: ByteRoutines & ~Copyable>(
    links: inout LinkTable<Routines>, at now: Instant
  ) {
    guard !isExpelled else { return }
    // Whoever did not look could not hear.
    if now.since(deadline) > 2 * options.heartbeatInterval { grace = now }
    if now >= nextScan {
      nextScan = now + options.heartbeatInterval / 4
      isDirty = true
      scan(links, at: now)
    }
    if now >= nextAnnouncement {
      due.announcement = true
      nextAnnouncement = installed.isEmpty ? now + announcementInterval(at: now) : .never
    }
    if now >= nextHeartbeat {
      due.heartbeat = true
      nextHeartbeat = now + options.heartbeatInterval
    }
    if now >= nextView {
      due.view = proposalEpoch != nil
      nextView = proposalEpoch == nil ? .never : now + options.viewInterval
    }
    clockFollower.advance(at: now)
    reconsider(&links, at: now)
  }

  mutating func updateDeadline() {
    deadline = min(min(nextScan, nextAnnouncement), min(nextHeartbeat, nextView), clockFollower.deadline)
    if isDirty { deadline = min(deadline, nextSearch) }
  }

  /// Announcements are rarer while others refuse the node.
  private func announcementInterval(at now: Instant) -> UInt64 {
    guard let refusedAt, now.since(refusedAt) < 2 * options.failureTime else {
      return options.announcementInterval
    }
    return options.refusedAnnouncementInterval
  }

  /// For how long nothing has been heard of the node at `place` although this one listened.
  func silence(_ place: Int, at now: Instant) -> UInt64 { now.since(max(known[place].lastHeard, grace)) }

  /// Whether the node at `place` is there and not silent for too long.
  func isLive(_ place: Int, at now: Instant) -> Bool {
    known[place].isUsed && (place == 0 || silence(place, at: now) < options.failureTime)
  }

  /// Finds out who is silent.
  private mutating func scan<Routines: ByteRoutines & ~Copyable>(
    _ links: borrowing LinkTable<Routines>, at now: Instant
  ) {
    for id in base.members.nodes where base.members.contains(id) && base.place(id) != 0 {
      let place = base.place(id)
      if links.peer(id)?.incarnation == known[place].incarnation, let heard = links.lastHeard(id) {
        known[place].lastHeard = max(known[place].lastHeard, heard)
      }
      let silence = silence(place, at: now)
      if silence >= options.failureTime || hasNotFollowed(id, at: now) { fail(id) }
      guard installed.members.contains(id), base.members.contains(id) else { continue }
      if silence >= options.suspicionTime, !suspected.contains(id) {
        suspected.insert(id)
        events.add(.suspected(id, lastHeard: known[place].lastHeard))
      } else if silence < options.suspicionTime, suspected.contains(id) {
        suspected.remove(id)
        if !down.contains(id) { events.add(.recovered(id)) }
      }
    }
    unlock(at: now)
    guard now.since(grace) >= options.failureTime else { return }
    _ = known.expire(unheardSince: Instant(nanoseconds: now.nanoseconds - options.failureTime))
  }

  /// Whether a member is heard, but has not installed the map for so long that it must have given it up.
  private func hasNotFollowed(_ id: NodeID, at now: Instant) -> Bool {
    guard installed.members.contains(id), installed.place(id) == base.place(id) else { return false }
    return known[base.place(id)].epoch < map.epoch
      && now.since(max(installedAt, grace)) >= 2 * options.failureTime
  }

  /// A member of the base is no more what it was.
  mutating func fail(_ id: NodeID) {
    isDirty = true
    guard installed.isEmpty else { return down.insert(id) }
    // A cluster that may not have formed is not formed without a node. It can't come back: it may have formed for it.
    let node = known[base.place(id)]
    casualties.add(node.address, node.incarnation, id)
    unlock()
  }
}
