import Wire

extension Membership {
  /// Takes what another known node holds or proposes.
  mutating func receive(_ view: View, _ header: FrameHeader, from place: Int, at now: Instant) {
    guard view.epoch.value > 0, !view.members.isEmpty, fits(view.members) else { return }
    if isNewer(view, than: known[place].view) { known[place].view = view }
    if header.epoch == view.epoch, header.epoch == known[place].epoch { known[place].digest = view.digest }
    answer(view, header, at: now)
    guard let id = base.id(ofPlace: place), !down.contains(id) else { return }
    guard view.epoch > map.epoch, view.digest != base.digest, known[place].view == view else { return }
    if installed.isEmpty {
      // The sender has not agreed to what this node is locked on, or has left it: nobody can need this node there.
      if view.epoch > highestAgreed { unlock() }
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
      let silence = now.since(max(known[base.place(other)].lastHeard, grace))
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
    let start = known[place].disputedSince ?? now
    known[place].disputedSince = start
    if now.since(start) >= options.suspicionTime { down.insert(id) }
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

  /// Gives up the map that the node is locked on. It has never been in a cluster.
  mutating func unlock() {
    base.clear()
    proposalEpoch = nil
    down = NodeSet()
    holdOff = nil
    updatePins()
  }
}
