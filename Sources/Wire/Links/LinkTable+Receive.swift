import Ethernet

extension LinkTable where Routines: ~Copyable {
  /// Takes a frame that has come, from its destination address on, without FCS.
  @inline(__always)
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

  @inline(__always)
  private mutating func accept(_ frame: Span<UInt8>, at now: Instant) throws(FrameError) -> Reception {
    let header = try FrameHeader(frame, using: routines)
    guard header.source != local.address || header.senderIncarnation != local.incarnation else { throw .echo }
    guard header.cluster == local.cluster else { throw .cluster }
    guard isAddressed(header) else { throw .receiver }
    let id = header.sender
    guard peers.contains(id), links[id.index].peer.incarnation == header.senderIncarnation else {
      switch header.kind {
      case .announcement, .view, .heartbeat, .clockRequest, .clockReply, .refusal:
        return take(header, isFromPeer: false)
      case .acknowledgement, .ping, .pong, .coherence, .adoption, .guest: throw .stranger
      }
    }
    do {
      let isMessage = try links[id.index].receive(header, at: now, &slots)
      update(id)
      if isMessage {
        traffic.countReceived(
          header.kind.index, bytes: header.frameCount, completes: !header.isContinued)
        return .message(header)
      }
    } catch {
      return violation(error, by: id)
    }
    return header.kind.isSequenced ? .nothing : take(header, isFromPeer: true)
  }

  /// Takes what is on no link.
  @inline(__always)
  private mutating func take(_ header: FrameHeader, isFromPeer: Bool) -> Reception {
    traffic.countReceived(header.kind.index, bytes: header.frameCount)
    return header.kind == .acknowledgement ? .nothing : .datagram(header, isFromPeer: isFromPeer)
  }

  /// Whether a frame is for this node, in this incarnation. A datagram need not name it.
  @inline(__always)
  private func isAddressed(_ header: FrameHeader) -> Bool {
    if header.receiver == local.id, header.receiverIncarnation == local.incarnation { return true }
    switch header.kind {
    case .acknowledgement, .ping, .pong, .coherence, .adoption, .guest: return false
    case .announcement, .view, .heartbeat, .clockRequest, .clockReply, .refusal:
      return (header.receiver == local.id || header.receiver == .none)
        && (header.receiverIncarnation == local.incarnation || header.receiverIncarnation == .none)
    }
  }

  private mutating func violation(_ error: FrameError, by id: NodeID) -> Reception {
    drops.count(error)
    links[id.index].violationCount += 1
    guard links[id.index].violationCount >= Link.violationLimit else {
      update(id)
      return .dropped(error)
    }
    close(id)
    return .broken(id, error)
  }
}
