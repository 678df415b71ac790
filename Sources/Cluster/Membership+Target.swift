import Ethernet
import Wire

extension Membership {
  /// Computes the map that should be next into `target`; false where the present one should stay, or there are not
  /// enough nodes for any.
  mutating func computeTarget(at now: Instant) -> Bool {
    target.clear()
    let hasTarget = base.isEmpty ? computeFirstMap(at: now) : computeNextMap(at: now)
    guard hasTarget else { return false }
    target.computeDigest(known)
    return true
  }

  private mutating func computeNextMap(at now: Instant) -> Bool {
    if !base.members.intersection(down).isEmpty {
      if let holdOff, now < holdOff { return false }
      target.copy(base, only: base.members.subtracting(down))
      return true
    }
    target.copy(base)
    if installed.isEmpty || base.digest != installed.digest { return true }
    if let place = firstCandidate(at: now), let id = freeNumber(for: place) {
      target.insert(id, place: place)
      return true
    }
    // The present map again, in a later epoch: where some have gone further and come back.
    for id in base.members.nodes {
      if let view = known[base.place(id)].view, view.epoch > map.epoch, view.digest == base.digest {
        return true
      }
    }
    return false
  }

  private mutating func computeFirstMap(at now: Instant) -> Bool {
    if joinCluster(at: now) { return true }
    // It listens first: for heartbeats of a cluster that has not heard it yet.
    guard options.nodeCount == 1 || now >= founding else { return false }
    if let foreignClusterHeard, now.since(max(foreignClusterHeard, grace)) < options.failureTime {
      return false
    }
    guard known.end >= options.nodeCount else { return false }
    // Those that want a number come first, then the others in the order of their addresses.
    for place in 0..<known.end where known[place].announcement.wantedID.isNode && isCandidate(place, at: now)
    {
      target.insert(known[place].announcement.wantedID, place: place)
    }
    var last: MACAddress?
    while target.members.count < options.nodeCount {
      guard let place = nextCandidate(after: last, at: now), let id = firstFreeNumber(target.members) else {
        return false
      }
      target.insert(id, place: place)
      last = known[place].address
    }
    return target.id(ofPlace: 0) != nil
  }

  /// The candidate without a wanted number whose address follows on `last`.
  private func nextCandidate(after last: MACAddress?, at now: Instant) -> Int? {
    var best: Int?
    for place in 0..<known.end where !known[place].announcement.wantedID.isNode {
      let address = known[place].address
      if let last, address <= last { continue }
      if let best, address > known[best].address { continue }
      // This takes longest, and so comes last.
      if isCandidate(place, at: now), best.map({ address < known[$0].address }) ?? true { best = place }
    }
    return best
  }

  /// Whether the node at `place` lives outside of every cluster and could be in this one.
  private func isCandidate(_ place: Int, at now: Instant) -> Bool {
    isLive(place, at: now) && !known[place].isMember && refusalReason(place, at: now) == nil
      && casualties.place(known[place].address, known[place].incarnation) == nil
  }

  /// Who is next to come into the cluster: those that want a number first, then the lowest address.
  private func firstCandidate(at now: Instant) -> Int? {
    guard base.members.count < options.nodeCount else { return nil }
    var best: Int?
    for place in 1..<known.end where isCandidate(place, at: now) {
      if best.map({ comes(place, beforePlace: $0) }) ?? true { best = place }
    }
    return best
  }

  private func comes(_ place: Int, beforePlace other: Int) -> Bool {
    let wants = known[place].announcement.wantedID.isNode
    let otherWants = known[other].announcement.wantedID.isNode
    return wants == otherWants ? known[place].address < known[other].address : wants
  }

  private func freeNumber(for place: Int) -> NodeID? {
    let wanted = known[place].announcement.wantedID
    return wanted.isNode ? wanted : firstFreeNumber(base.members)
  }

  private func firstFreeNumber(_ members: NodeSet) -> NodeID? {
    for index in 0..<options.nodeCount {
      let id = NodeID(UInt16(index))
      if !members.contains(id) { return id }
    }
    return nil
  }

  /// A map that a member of a cluster proposes, of members that this node knows, and of this node.
  private mutating func joinCluster(at now: Instant) -> Bool {
    for place in 1..<known.end where isLive(place, at: now) && known[place].isMember {
      guard let view = known[place].view, view.epoch > known[place].epoch else { continue }
      if reconstruct(view, known[place].epoch, at: now) { return true }
      target.clear()
    }
    return false
  }

  private mutating func reconstruct(_ view: View, _ epoch: Epoch, at now: Instant) -> Bool {
    var ownID: NodeID?
    for id in view.members.nodes {
      if let place = member(id, epoch, at: now) {
        target.insert(id, place: place)
      } else if ownID == nil {
        ownID = id
        target.insert(id, place: 0)
      } else {
        return false
      }
    }
    guard ownID != nil else { return false }
    target.computeDigest(known)
    return target.digest == view.digest
  }

  /// The node that was last heard to be the member with number `id` in `epoch`.
  private func member(_ id: NodeID, _ epoch: Epoch, at now: Instant) -> Int? {
    var latest: Int?
    for place in 1..<known.end
    where isLive(place, at: now) && known[place].id == id && known[place].epoch == epoch {
      if latest.map({ known[$0].lastHeard < known[place].lastHeard }) ?? true { latest = place }
    }
    return latest
  }
}
