import Cluster
import Wire

extension NodeEngine where Routines: ~Copyable, Pages: ~Copyable {
  /// Takes a frame that has come, from its destination address on, without FCS.
  public mutating func receive(_ frame: Span<UInt8>, at now: Instant) {
    switch links.receive(frame, at: now) {
    case .message(let header): receive(header, frame, at: now)
    case .datagram(let header, let isFromPeer):
      if header.kind == .reset {
        receiveReset(header, frame, at: now)
      } else {
        membership.receive(
          header, frame.extracting(header.bodyRange), isFromPeer: isFromPeer, links: &links, at: now)
      }
    case .broken(let id, _): membership.linkBroke(id, links: &links, at: now)
    case .dropped(.version):
      if let origin = FrameOrigin(frame) { membership.receiveOtherVersion(origin, at: now) }
    case .dropped, .nothing: break
    }
    finish(at: now)
  }

  private mutating func receiveReset(_ header: FrameHeader, _ frame: Span<UInt8>, at now: Instant) {
    do {
      let reset = try Reset(header, in: frame)
      // A peer that has not opened its end yet will: frames are sent again.
      guard reset.reason != .unknown else { return }
      membership.linkBroke(header.sender, links: &links, at: now)
    } catch {
      links.drops.count(error)
    }
  }

  /// Takes a fragment of a message on a link.
  private mutating func receive(_ header: FrameHeader, _ frame: Span<UInt8>, at now: Instant) {
    switch header.kind {
    case .ping, .pong: receivePing(header, frame, at: now)
    case .coherence:
      receivePage(header, frame)
      settle()
    case .adoption:
      receiveAdoption(header, frame)
      settle()
    case .acknowledgement, .reset, .announcement, .view, .heartbeat, .clockRequest, .clockReply, .refusal:
      break
    }
  }
}
