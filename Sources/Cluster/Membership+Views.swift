import Wire

extension Membership {
  /// Takes what another known node holds or proposes.
  mutating func receive(_ view: View, _ header: FrameHeader, from place: Int, at now: Instant) {
    guard view.epoch.value > 0, !view.members.isEmpty, fits(view.members) else { return }
    if isNewer(view, than: known[place].view) { known[place].view = view }
    answer(view, header, at: now)
    guard let id = base.id(ofPlace: place), view.epoch > map.epoch, view.digest != base.digest,
      known[place].view == view
    else { return }
    guard !down.contains(id) else { return follow(view, of: id, place) }
    if installed.isEmpty {
      // The sender has not agreed to what this node is locked on, or has left it, unless it has installed just that.
      if view.epoch > highestAgreed, known[place].epoch < highestAgreed { unlock() }
    } else {
      consider(view, from: id, place, at: now)
    }
  }

  private func fits(_ members: NodeSet) -> Bool { members.first(from: options.nodeCount) == nil }

  private func isNewer(_ view: View, than old: View?) -> Bool {
    guard let old else { return true }
    if view.epoch != old.epoch { return view.epoch > old.epoch }
    return view.digest == old.digest && old.stage == .proposed && view.stage == .agreed
  }

  /// Tells a node that still is agreeing on the map that it is installed.
  private mutating func answer(_ view: View, _ header: FrameHeader, at now: Instant) {
    guard !installed.isEmpty, proposalEpoch == nil, header.epoch < map.epoch else { return }
    guard view.epoch == map.epoch, view.digest == map.digest else { return }
    let isRecent = lastView.map { now.since($0) < options.viewInterval / 5 } ?? false
    if !isRecent { due.view = true }
  }

  /// What a member leaves out of its view goes down here as well, if this node does not hear it either, or if the member
  /// comes first. Where neither is so, it is the member that has to go, as the two can't both stay.
  private mutating func consider(_ view: View, from id: NodeID, _ place: Int, at now: Instant) {
    let missing = base.members.subtracting(view.members).subtracting(down)
    // What becomes of this node itself others say by a refusal.
    guard base.id(ofPlace: 0).map({ !missing.contains($0) }) ?? true else { return }
    var disputes = false
    for other in missing.nodes {
      let silence = silence(base.place(other), at: now)
      if silence >= options.suspicionTime || comes(id, before: other) {
        down.insert(other)
      } else if silence < 3 * options.heartbeatInterval {
        disputes = true
      }
    }
    guard disputes else {
      known[place].disputedSince = nil
      return
    }
    let isOld = now.since(known[place].disputedUntil) >= options.suspicionTime
    let start = isOld ? now : known[place].disputedSince ?? now
    known[place].disputedSince = start
    known[place].disputedUntil = now
    if now.since(start) >= options.suspicionTime { down.insert(id) }
  }

  /// A member that this node has taken to be down says that it is not, nor is this node. If it comes before all that would
  /// stay without it, its view is the better one: else each could wait for another.
  private mutating func follow(_ view: View, of id: NodeID, _ place: Int) {
    guard !installed.isEmpty, known[place].epoch <= highestAgreed, let own = base.id(ofPlace: 0),
      view.members.contains(own), view.members.contains(id),
      view.members.subtracting(base.members).isEmpty
    else { return }
    for other in base.members.subtracting(down).nodes where !comes(id, before: other) { return }
    down = base.members.subtracting(view.members)
  }

  /// Whether `id` stays where only one of two members can: old members come before new ones, low numbers before high.
  private func comes(_ id: NodeID, before other: NodeID) -> Bool {
    let isOld = isInstalled(id)
    let isOtherOld = isInstalled(other)
    return isOld == isOtherOld ? id < other : isOld
  }

  private func isInstalled(_ id: NodeID) -> Bool {
    installed.members.contains(id) && installed.place(id) == base.place(id)
  }

  /// Gives up a map that does not come to be, as it seems: all its members live, and none has installed it. Should one
  /// have done so just now, it will find that this node does not follow (`hasNotFollowed`). A map that leaves others out
  /// stays, as they have been declared down.
  mutating func unlock(at now: Instant) {
    guard base.digest != installed.digest, now.since(max(lockedAt, grace)) >= 2 * options.failureTime else {
      return
    }
    guard !installed.isEmpty else { return unlock() }
    guard down.isEmpty, installed.members.subtracting(base.members).isEmpty else { return }
    base.copy(installed)
    proposalEpoch = nil
    updatePins()
  }

  /// Gives up the map that the node is locked on. It has never been in a cluster.
  mutating func unlock() {
    isDirty = true
    base.clear()
    proposalEpoch = nil
    down = NodeSet()
    holdOff = nil
    updatePins()
  }
}
