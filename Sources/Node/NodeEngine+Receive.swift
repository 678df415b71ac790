import Cluster
import Wire

extension NodeEngine where Routines: ~Copyable, Pages: ~Copyable {
  /// Takes a frame that has come, from its destination address on, without FCS.
  public mutating func receive(_ frame: Span<UInt8>, at now: Instant) {
    switch links.receive(frame, at: now) {
    case .message(let header): receive(header, frame, at: now)
    case .datagram(let header, let isFromPeer):
      membership.receive(
        header, frame.extracting(header.bodyRange), isFromPeer: isFromPeer, links: &links, at: now)
    case .broken(let id, _): membership.linkBroke(id, links: &links, at: now)
    case .dropped(.version):
      if let origin = FrameOrigin(frame) { membership.receiveOtherVersion(origin, at: now) }
    case .dropped, .nothing: break
    }
    finish(at: now)
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
    case .guest: receiveGuest(header, frame)
    case .acknowledgement, .announcement, .view, .heartbeat, .clockRequest, .clockReply, .refusal:
      break
    }
  }
}
