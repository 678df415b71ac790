import Ethernet
import Wire

// Nothing proves who has sent a frame. What would end this node, or a cluster's count of epochs, therefore has to fit
// what has been heard before: one frame alone, forged or damaged, must not do it.

extension Membership {
  /// How far ahead of all that this node knows an epoch may be. Members are never apart by more than a few.
  private static let epochReach: UInt32 = 1 << 20

  /// Whether a refusal that can end this node may be believed: a cluster that can be says so, by one who has been heard to
  /// take part in one of late, or has been a member of this node's own.
  func isCredible(_ weight: ClusterWeight, _ header: FrameHeader, at now: Instant) -> Bool {
    guard weight.fits(nodeCount: options.nodeCount) else { return false }
    let origin = FrameIdentity(header.source, header.senderIncarnation)
    if casualties.place(origin.address, origin.incarnation) != nil { return true }
    if let heard = foreignMembers.lastHeard(header.sender, origin), isRecent(heard, at: now) { return true }
    guard let place = known.place(origin.address, origin.incarnation), place != 0 else { return false }
    // Before there is a cluster all who are there are to be in it.
    return isOwn(place)
      || isLive(place, at: now) && (installed.isEmpty || known[place].isMember || known[place].view != nil)
  }

  private func isRecent(_ heard: Instant, at now: Instant) -> Bool {
    now.since(max(heard, grace)) < options.failureTime
  }

  /// Whether the node at `place` is in a map of this node's, or in the one that it proposes.
  private func isOwn(_ place: Int) -> Bool { base.id(ofPlace: place) != nil || isProposed(place) }

  func isProposed(_ place: Int) -> Bool { proposalEpoch != nil && proposal.id(ofPlace: place) != nil }

  /// Whether the node at `place` can be in `epoch`, or propose it. What others than members say is measured by the epoch of
  /// their own cluster.
  func isPlausible(_ epoch: Epoch, from place: Int) -> Bool {
    var latest = max(map.epoch, max(highestProposed, highestAgreed))
    if !isOwn(place) { latest = max(latest, known[place].epoch) }
    return epoch <= latest || epoch.value - latest.value <= Self.epochReach
  }

  /// The same for the epoch of a frame's header, where the node is one of this node's own.
  func isPlausible(headerEpoch epoch: Epoch, from place: Int) -> Bool {
    epoch <= known[place].epoch || !isOwn(place) || isPlausible(epoch, from: place)
  }
}
