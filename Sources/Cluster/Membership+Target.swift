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
    // The present map again, in a later epoch: where some have gone further and come back. They will not go on to a
    // newcomer before all are there.
    for id in base.members.nodes {
      if let view = known[base.place(id)].view, view.epoch > map.epoch, view.digest == base.digest {
        return true
      }
    }
    guard let place = firstCandidate(at: now), let id = freeNumber(for: place) else { return false }
    target.insert(id, place: place)
    return true
  }

  private mutating func computeFirstMap(at now: Instant) -> Bool {
    if joinCluster(at: now) { return true }
    // It listens first: for heartbeats of a cluster that has not heard it yet.
    guard options.nodeCount == 1 || now >= founding else { return false }
    if let foreignClusterHeard, now.since(max(foreignClusterHeard, grace)) < options.failureTime {
      return false
    }
    // Those that want a number come first, then the others in the order of their addresses.
    candidates.clear()
    for place in 0..<known.end where isCandidate(place, at: now) {
      let wanted = known[place].announcement.wantedID
      if wanted.isNode {
        target.insert(wanted, place: place)
      } else {
        candidates.insert(known[place].address, place: place)
      }
    }
    guard target.members.count + candidates.count >= options.nodeCount else { return false }
    var next = 0
    for index in 0..<options.nodeCount {
      let id = NodeID(UInt16(index))
      guard !target.members.contains(id) else { continue }
      target.insert(id, place: candidates.place(next))
      next += 1
    }
    return target.id(ofPlace: 0) != nil
  }

  /// Whether the node at `place` lives outside of every cluster and could be in this one.
  private mutating func isCandidate(_ place: Int, at now: Instant) -> Bool {
    examinationCount += 1
    return isLive(place, at: now) && !known[place].isMember && refusalReason(place, at: now) == nil
      && casualties.place(known[place].address, known[place].incarnation) == nil
  }

  /// Who is next to come into the cluster: those that want a number first, then the lowest address.
  private mutating func firstCandidate(at now: Instant) -> Int? {
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
    var latest: (view: View, epoch: Epoch)?
    for place in 1..<known.end where isLive(place, at: now) && known[place].isMember {
      // Most members say the same.
      let epoch = known[place].epoch
      guard let view = known[place].view, view.epoch > epoch else { continue }
      if let latest, latest.view == view, latest.epoch == epoch { continue }
      if reconstruct(view, epoch, at: now) { return true }
      target.clear()
      latest = (view, epoch)
    }
    return false
  }

  /// Makes the target of those who were last heard to be the view's members, but one that nobody has been: this node.
  private mutating func reconstruct(_ view: View, _ epoch: Epoch, at now: Instant) -> Bool {
    for place in 1..<known.end where isLive(place, at: now) && known[place].epoch == epoch {
      let id = known[place].id
      guard view.members.contains(id) else { continue }
      if target.members.contains(id), known[target.place(id)].lastHeard >= known[place].lastHeard { continue }
      target.insert(id, place: place)
    }
    let missing = view.members.subtracting(target.members)
    guard missing.count == 1, let ownID = missing.first() else { return false }
    target.insert(ownID, place: 0)
    target.computeDigest(known)
    return target.digest == view.digest
  }
}
