import Ethernet
import Wire

extension Membership {
  /// Does all that follows from what is known now, or if that may take a search, and the last one was just before, what
  /// follows for the present proposal.
  mutating func reconsider<Routines: ByteRoutines & ~Copyable>(
    _ links: inout LinkTable<Routines>, at now: Instant
  ) {
    guard !isExpelled else { return close(&links) }
    guard isDirty else { return updateDeadline() }
    guard now >= nextSearch || hasCasualties else {
      _ = complete(&links, at: now)
      return updateDeadline()
    }
    isDirty = false
    nextSearch = now + options.searchInterval
    // An installed map may show at once what the next one has to be.
    for _ in 0..<3 {
      guard computeTarget(at: now), propose(at: now) else {
        withdraw()
        break
      }
      guard complete(&links, at: now) else { break }
    }
    updateDeadline()
  }

  /// Whether members are down: then the next map is the base without them.
  private var hasCasualties: Bool { !base.members.intersection(down).isEmpty }

  /// Takes the proposal through those stages that the views of its members allow; whether it has become the map.
  private mutating func complete<Routines: ByteRoutines & ~Copyable>(
    _ links: inout LinkTable<Routines>, at now: Instant
  ) -> Bool {
    lock(at: now)
    guard let epoch = proposalEpoch, stage == .agreed, isAgreed(epoch) else { return false }
    install(epoch, &links, at: now)
    return true
  }

  private mutating func withdraw() {
    guard proposalEpoch != nil else { return }
    proposalEpoch = nil
    nextView = .never
    updatePins()
  }

  /// Proposes `target` in an epoch for which this node has not proposed anything else; false if there are no epochs
  /// left. Where others have proposed the same in a later one, it follows them.
  private mutating func propose(at now: Instant) -> Bool {
    var epoch: Epoch
    if let proposalEpoch, proposal.digest == target.digest {
      epoch = proposalEpoch
    } else {
      guard highestProposed.value < .max else { return false }
      epoch = Epoch(highestProposed.value + 1)
    }
    for id in target.members.nodes where target.place(id) != 0 {
      if let view = known[target.place(id)].view, view.digest == target.digest, view.epoch > epoch {
        epoch = view.epoch
      }
    }
    guard proposalEpoch != epoch || proposal.digest != target.digest else { return true }
    proposal.copy(target)
    proposal.computeDigest(known)
    proposalEpoch = epoch
    highestProposed = epoch
    stage = .proposed
    sayView(at: now)
    updatePins()
    return true
  }

  private mutating func sayView(at now: Instant) {
    due.view = true
    nextView = now + options.viewInterval
  }

  /// Locks the node on the proposal if all its members have proposed it.
  private mutating func lock(at now: Instant) {
    guard let epoch = proposalEpoch, stage == .proposed else { return }
    for id in proposal.members.nodes where proposal.place(id) != 0 {
      guard known[proposal.place(id)].proposes(epoch, proposal.digest) else { return }
    }
    for id in base.members.nodes
    where !proposal.members.contains(id) || proposal.place(id) != base.place(id) {
      let node = known[base.place(id)]
      casualties.add(node.address, node.incarnation, id)
    }
    if base.digest != proposal.digest { lockedAt = now }
    base.copy(proposal)
    stage = .agreed
    highestAgreed = epoch
    due.view = true
    updatePins()
  }

  /// Whether all members are locked on the proposal: they say so, or one of them has installed it. All have proposed
  /// it, so whoever has installed this epoch has installed just that.
  private func isAgreed(_ epoch: Epoch) -> Bool {
    var areAllLocked = true
    for id in proposal.members.nodes where proposal.place(id) != 0 {
      let node = known[proposal.place(id)]
      if node.epoch == epoch { return true }
      if !node.agrees(epoch, proposal.digest) { areAllLocked = false }
    }
    return areAllLocked
  }

  private mutating func install<Routines: ByteRoutines & ~Copyable>(
    _ epoch: Epoch, _ links: inout LinkTable<Routines>, at now: Instant
  ) {
    let isFirst = installed.isEmpty
    for id in installed.members.nodes
    where !proposal.members.contains(id) || proposal.place(id) != installed.place(id) {
      links.close(id)
      events.add(.down(id, epoch, lastHeard: known[installed.place(id)].lastHeard))
    }
    if let id = proposal.id(ofPlace: 0) { links.local.id = id }
    links.local.epoch = epoch
    for id in proposal.members.nodes where proposal.place(id) != 0 {
      if installed.members.contains(id), installed.place(id) == proposal.place(id) { continue }
      let node = known[proposal.place(id)]
      known[proposal.place(id)].lastHeard = now
      // Without a link the peer stays silent, and goes down for that.
      try? links.open(Peer(id: id, incarnation: node.incarnation, address: node.address), at: now)
    }
    installMap(epoch)
    installedAt = now
    proposalEpoch = nil
    foreignClusterHeard = nil
    down = NodeSet()
    suspected = suspected.intersection(installed.members)
    holdOff = nil
    for id in installed.members.nodes { known[installed.place(id)].disputedSince = nil }
    updatePins()
    events.add(isFirst ? .formed(epoch) : .changed(epoch))
    due.view = true
    due.announcement = false
    nextAnnouncement = .never
    nextView = .never
    nextHeartbeat = now
    if let ownID { clockFollower.mapChanged(map, ownID: ownID, at: now) }
  }

  /// Leaves for good.
  private mutating func close<Routines: ByteRoutines & ~Copyable>(_ links: inout LinkTable<Routines>) {
    for id in links.peers.nodes { links.close(id) }
    due = DueDatagrams()
    outbox.clear()
    clockFollower.stop()
    deadline = .never
  }
}
