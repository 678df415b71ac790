extension LinkTable where Routines: ~Copyable {
  /// Takes a frame that has come, from its destination address on, without FCS.
  public mutating func receive(_ frame: Span<UInt8>, at now: Instant) -> Reception {
    do {
      return try accept(frame, at: now)
    } catch {
      // Another cluster's version is its own business.
      let isOthers = error == .version && FrameOrigin(frame)?.cluster != local.cluster
      drops.count(isOthers ? .cluster : error)
      return .dropped(isOthers ? .cluster : error)
    }
  }

  private mutating func accept(_ frame: Span<UInt8>, at now: Instant) throws(FrameError) -> Reception {
    let header = try FrameHeader(frame, using: routines)
    guard header.source != local.address else { throw .echo }
    guard header.cluster == local.cluster else { throw .cluster }
    guard isAddressed(header) else { throw .receiver }
    let id = header.sender
    guard peers.contains(id), links[id.index].peer.incarnation == header.senderIncarnation,
      header.receiverIncarnation == local.incarnation || header.receiver == .none
    else {
      switch header.kind {
      case .announcement, .view, .heartbeat, .clockRequest, .clockReply, .refusal:
        return .datagram(header, isFromPeer: false)
      case .acknowledgement, .reset, .ping, .pong: throw .stranger
      }
    }
    links[id.index].lastHeard = now
    if let number = header.acknowledgement, header.receiver != .none {
      guard acknowledge(number, reportsGap: header.reportsGap, by: id, at: now) else {
        return violation(.window, by: id)
      }
    }
    if header.kind.isSequenced { return takeMessage(header, from: id, at: now) }
    guard header.kind == .acknowledgement else { return .datagram(header, isFromPeer: true) }
    links[id.index].counters.acknowledgementsReceived += 1
    return .nothing
  }

  /// Whether a frame is for this node, in this incarnation. A datagram need not name it.
  private func isAddressed(_ header: FrameHeader) -> Bool {
    if header.kind.isSequenced || header.kind == .acknowledgement || header.kind == .reset {
      return header.receiver == local.id && header.receiverIncarnation == local.incarnation
    }
    return (header.receiver == local.id || header.receiver == .none)
      && (header.receiverIncarnation == local.incarnation || header.receiverIncarnation == .none)
  }

  private mutating func takeMessage(
    _ header: FrameHeader, from id: NodeID, at now: Instant
  ) -> Reception {
    defer { update(id) }
    let outcome: Receiving.Outcome
    do {
      outcome = try links[id.index].receiving.accept(header, at: now, options)
    } catch {
      return violation(error, by: id)
    }
    switch outcome {
    case .inOrder:
      links[id.index].violationCount = 0
      links[id.index].counters.framesReceived += 1
      if !header.isContinued { links[id.index].counters.messagesReceived += 1 }
      return .message(header)
    case .duplicate:
      links[id.index].counters.duplicates += 1
    case .early:
      links[id.index].counters.early += 1
    }
    return .nothing
  }

  private mutating func violation(_ error: FrameError, by id: NodeID) -> Reception {
    drops.count(error)
    links[id.index].violationCount += 1
    guard links[id.index].violationCount >= Link.violationLimit else { return .dropped(error) }
    close(id)
    return .broken(id, error)
  }

  /// Takes an acknowledgement; false where it is one of frames that were never sent.
  private mutating func acknowledge(
    _ number: SequenceNumber, reportsGap: Bool, by id: NodeID, at now: Instant
  ) -> Bool {
    let index = id.index
    switch links[index].sending.acknowledge(number, at: now, options) {
    case .impossible: return false
    case .nothingNew: break
    case .arrived: deliverSlots(id)
    }
    if reportsGap, links[index].sending.answerGap(number, at: now, options) {
      links[index].counters.gapsHeard += 1
      links[index].nextSlot = links[index].acknowledgedSlot
    }
    update(id)
    return true
  }

  /// Marks the messages as delivered all of whose frames are acknowledged.
  private mutating func deliverSlots(_ id: NodeID) {
    let index = id.index
    let acknowledged = links[index].sending.acknowledged
    while links[index].acknowledgedSlot < links[index].endSlot {
      let slot = slotIndex(id, links[index].acknowledgedSlot)
      guard acknowledged.distance(from: slots[slot].first + slots[slot].frameCount) >= 0 else { break }
      slots[slot].wasDelivered = true
      links[index].acknowledgedSlot += 1
    }
    // An acknowledgement from beyond the point to which sending went back.
    links[index].nextSlot = max(links[index].nextSlot, links[index].acknowledgedSlot)
    freeSlots(id)
  }
}
