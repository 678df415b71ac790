import Cluster
import Wire

extension NodeEngine where Routines: ~Copyable, Pages: ~Copyable {
  /// Sends to a peer what concerns the guest's machine. Where this throws, nothing has changed.
  public mutating func send(_ message: GuestMessage, to id: NodeID) throws(LinkError) {
    let byteCount = try links.send(message, to: id)
    traffic.machine.countSent(Int(message.operation.rawValue), bytes: byteCount)
  }

  /// The message about the guest's machine that the last frame brought: to be taken after each `receive`, since the next
  /// one takes its place.
  public mutating func takeGuestMessage() -> (message: GuestMessage, sender: NodeID)? {
    let message = guestMessage
    guestMessage = nil
    return message
  }

  mutating func receiveGuest(_ header: FrameHeader, _ frame: Span<UInt8>) {
    do throws(FrameError) {
      guard header.page == .none else { throw .body }
      let message = try GuestMessage(header, in: frame)
      traffic.machine.countReceived(Int(message.operation.rawValue), bytes: header.frameCount)
      guestMessage = (message, header.sender)
    } catch {
      links.drops.count(error)
      brokenLinks.insert(header.sender)
    }
  }
}
