import Ethernet
import Wire

extension Membership {
  /// Takes the sender of a frame of another version, where `LinkTable.receive` has said `.dropped(.version)`.
  public mutating func receiveOtherVersion(_ origin: FrameOrigin, at now: Instant) {
    guard !isExpelled, origin.cluster == local.cluster, !origin.address.isGroup,
      origin.address != local.address
    else { return }
    let refusal = Refusal(.protocolVersion, detail: UInt64(FrameLayout.currentVersion))
    refuse(FrameIdentity(origin.address, origin.incarnation), origin.id, refusal, at: now)
  }

  /// Why the node at `place`, which is in no cluster, can't be in this one now; nil where it can.
  func refusalReason(_ place: Int, at now: Instant) -> Refusal? {
    let node = known[place]
    let own = known[0].announcement
    if node.announcement.software != own.software {
      return Refusal(.softwareVersion, detail: own.software.build)
    }
    let wanted = node.announcement.wantedID
    if node.announcement.nodeCount != own.nodeCount || wanted.isNode && wanted.index >= options.nodeCount {
      return Refusal(.nodeCount, detail: UInt64(own.nodeCount))
    }
    if hasRival(place, at: now) { return Refusal(.duplicateAddress, detail: node.address.value) }
    if wanted.isNode, isTaken(wanted, by: place, at: now) {
      return Refusal(.duplicateID, detail: UInt64(wanted.value))
    }
    guard place != 0, installed.members.count == options.nodeCount, down.isEmpty else { return nil }
    // One with a member's address is the member after a boot: it will be told apart soon.
    for id in base.members.nodes where known[base.place(id)].address == node.address { return nil }
    return Refusal(.clusterFull)
  }

  /// Whether another living node has the same address: a member, or a candidate with a lower incarnation.
  private func hasRival(_ place: Int, at now: Instant) -> Bool {
    let node = known[place]
    for other in 0..<known.end
    where other != place && known[other].isUsed && known[other].address == node.address {
      // Both have to be heard in turn; one that has booted anew is silent as what it was.
      let silence = node.lastHeard.since(known[other].lastHeard)
      guard other == 0 || silence <= options.announcementInterval * 3 / 2 else { continue }
      let isMember = base.id(ofPlace: other) != nil
      if isMember ? other == 0 || node.successionResets > 2 : isBefore(other, place) { return true }
    }
    return false
  }

  private func isBefore(_ place: Int, _ other: Int) -> Bool {
    known[place].incarnation.value < known[other].incarnation.value
  }

  /// Whether a number that the node at `place` wants is another's. Of two that are in no cluster the one with the lower
  /// address keeps it.
  private func isTaken(_ id: NodeID, by place: Int, at now: Instant) -> Bool {
    let address = known[place].address
    if base.members.contains(id) {
      let holder = base.place(id)
      return holder != place && !down.contains(id) && known[holder].address != address
    }
    guard installed.isEmpty else { return false }
    for other in 0..<known.end
    where other != place && isLive(other, at: now) && !known[other].isMember {
      let announcement = known[other].announcement
      if announcement.wantedID == id, announcement.address < address,
        announcement.software == known[0].announcement.software,
        announcement.nodeCount == known[0].announcement.nodeCount
      {
        return true
      }
    }
    return false
  }

  /// Tells a known node that it is not wanted.
  mutating func refuse(_ place: Int, _ refusal: Refusal, at now: Instant) {
    let node = known[place]
    let turn = known[place].refusals.turn(refusal.reason, at: now, interval: options.refusalInterval)
    send(refusal, to: node.address, node.id, node.incarnation, turn, at: now)
  }

  /// Tells a node that was declared down, with what this one's part of the cluster weighs.
  mutating func refuse(casualty place: Int, _ header: FrameHeader, at now: Instant) {
    let turn = casualties.turn(.declaredDown, place, at: now, interval: options.refusalInterval)
    let weight = weight(installed.isEmpty ? NodeSet() : base.members.subtracting(down))
    let refusal = Refusal(.declaredDown, detail: weight.detail(in: map.epoch))
    send(refusal, to: header.source, header.sender, header.senderIncarnation, turn, at: now)
  }

  /// Tells a node that this one knows nothing of but its frame.
  mutating func refuse(_ origin: FrameIdentity, _ id: NodeID, _ refusal: Refusal, at now: Instant) {
    let turn = saidToStrangers.turn(refusal.reason, origin, at: now, interval: options.refusalInterval)
    send(refusal, to: origin.address, id, origin.incarnation, turn, at: now)
  }

  private mutating func send(
    _ refusal: Refusal, to address: MACAddress, _ id: NodeID, _ incarnation: Incarnation,
    _ turn: RefusalTurn, at now: Instant
  ) {
    guard turn != .tooSoon else { return }
    outbox.add(OutgoingRefusal(address: address, id: id, incarnation: incarnation, refusal: refusal))
    report(.refused(address, refusal), turn, at: now)
  }

  /// Reports a refusal if it is the first one of its kind, and there were not too many of late.
  private mutating func report(_ event: ClusterEvent, _ turn: RefusalTurn, at now: Instant) {
    switch turn {
    case .first where refusalBudget.take(at: now): events.add(event)
    case .first, .uncertain: events.lose()
    case .again, .tooSoon: break
    }
  }

  /// Takes another node's refusal of this one. It is never answered.
  mutating func receive(_ refusal: Refusal, _ header: FrameHeader, at now: Instant) {
    let origin = FrameIdentity(header.source, header.senderIncarnation)
    let turn = heardRefusals.turn(refusal.reason, origin, at: now, interval: options.refusalInterval / 2)
    report(.refusedBy(header.source, header.sender, refusal), turn, at: now)
    refusedAt = now
    guard header.receiverIncarnation == local.incarnation else { return }
    guard refusal.reason == .declaredDown || refusal.reason == .stranger else { return }
    let theirs = ClusterWeight(refusal.detail, from: header.sender, header.source)
    guard isCredible(theirs, header, at: now) else { return }
    let epoch = Epoch(UInt32(truncatingIfNeeded: refusal.detail))
    if refusal.reason == .declaredDown {
      receiveDeclaration(header, theirs, epoch)
    } else {
      weigh(theirs, epoch, against: installed.members)
    }
  }

  /// Others have declared this incarnation down. Where this node has done the same with them, one side stays.
  private mutating func receiveDeclaration(
    _ header: FrameHeader, _ theirs: ClusterWeight, _ epoch: Epoch
  ) {
    guard !installed.isEmpty else { return expel(epoch) }
    let place = known.place(header.source, header.senderIncarnation)
    let id = place.flatMap { base.id(ofPlace: $0) }
    var mine = base.members.subtracting(down)
    if let id { mine.remove(id) }
    weigh(theirs, epoch, against: mine)
    guard !isExpelled else { return }
    // This node goes on without one that has gone on without it.
    if let id {
      down.insert(id)
    } else {
      casualties.add(header.source, header.senderIncarnation, header.sender)
    }
  }

  /// Stops if the refuser's part of the cluster, or its cluster, is to stay and not `mine`.
  private mutating func weigh(_ theirs: ClusterWeight, _ epoch: Epoch, against mine: NodeSet) {
    if !installed.isEmpty, weight(mine) < theirs { expel(epoch) }
  }

  /// What a part of the base weighs.
  func weight(_ members: NodeSet) -> ClusterWeight {
    ClusterWeight(members, lowestAddress: members.first().map { known[base.place($0)].address })
  }

  private mutating func expel(_ epoch: Epoch) {
    isExpelled = true
    events.add(.expelled(epoch))
  }
}
