import Cluster
import Coherence
import Memory
import Wire

extension NodeEngine where Routines: ~Copyable, Pages: ~Copyable {
  // MARK: Sending

  mutating func send(_ message: CoherenceMessage, to id: NodeID) {
    var message = message
    guard let page = contents(of: &message) else { return memory.stop(.noFrame(message.page)) }
    if case .lines(_, let frame) = page, !memory.frames.hold(frame) { return memory.stop(.tooManyMessages) }
    if !memory.pending.receivers.contains(id), sendAtOnce(message, page, to: id) { return }
    if !memory.pending.append(message, page, to: id) { memory.stop(.tooManyMessages) }
  }

  /// The page's contents as the message is to bring them; it is changed to say so. Nil where they are nowhere.
  private func contents(of message: inout CoherenceMessage) -> OutgoingPage? {
    switch message.content {
    case .none: return OutgoingPage.none
    case .zero: return .zero
    case .page, .changes:
      guard let frame = memory.frames[message.page] else { return nil }
      if message.content == .changes, let lines = changes(message, frame) {
        return .lines(lines, frame: frame)
      }
      message.known = .none
      message.content = pages.isZero(frame) ? .zero : .page
      return message.content == .zero ? .zero : .lines(.all, frame: frame)
    }
  }

  /// The lines that the receiver's copy lacks, where that can be told.
  private func changes(_ message: CoherenceMessage, _ frame: HostPhysicalAddress) -> PageLines? {
    if message.known == message.version { return [] }
    guard let twin = memory.twins.twin(message.page, before: message.version) else { return nil }
    return pages.differences(frame, twin)
  }

  /// False where the link has no room.
  private mutating func sendAtOnce(_ message: CoherenceMessage, _ page: OutgoingPage, to id: NodeID) -> Bool {
    do {
      let byteCount = try links.send(CoherenceBody(message), page: page, to: id)
      traffic.pages.countSent(Int(message.kind.rawValue), bytes: byteCount)
    } catch {
      if error == .full { return false }
      // The node has gone, and with it the virtual machine: its driver hears of that from the membership.
      drop(page)
    }
    return true
  }

  private mutating func drop(_ page: OutgoingPage) {
    if case .lines(_, let frame) = page { memory.frames.release(frame) }
  }

  /// Sends what has been waiting for room.
  mutating func flushPending() {
    var next = memory.pending.receivers.first()
    while let id = next {
      while memory.pending.receivers.contains(id) {
        let (message, page) = memory.pending.oldest(for: id)
        guard sendAtOnce(message, page, to: id) else { break }
        memory.pending.removeOldest(for: id)
      }
      next = memory.pending.receivers.first(from: id.index + 1)
    }
  }

  // MARK: Receiving

  mutating func receivePage(_ header: FrameHeader, _ frame: Span<UInt8>) {
    guard !memory.isStopped else { return }
    let id = header.sender
    if !header.isContinuation {
      do {
        memory.incoming[id.index] = try begin(header, frame)
      } catch {
        memory.incoming[id.index] = nil
        links.drops.count(error)
        brokenLinks.insert(id)
      }
    }
    guard var incoming = memory.incoming[id.index] else { return }
    traffic.pages.countReceived(
      Int(incoming.message.kind.rawValue), bytes: header.frameCount, completes: !header.isContinued)
    if case .lines(let lines) = header.page {
      guard let target = memory.frames[incoming.message.page] else {
        return memory.stop(.noFrame(incoming.message.page))
      }
      copyLines(header, frame, to: target)
      incoming.lines.formUnion(lines)
    }
    guard !header.isContinued else {
      memory.incoming[id.index] = incoming
      return
    }
    memory.incoming[id.index] = nil
    guard incoming.message.content != .page || incoming.lines == .all else {
      links.drops.count(.body)
      brokenLinks.insert(id)
      return
    }
    memory.coherence.hasRoom = memory.frames.freeCount > 0
    memory.coherence.receive(incoming.message, from: id)
    act()
  }

  /// Reads the first fragment. Contents that nobody waits for must not come near a frame.
  private func begin(
    _ header: FrameHeader, _ frame: Span<UInt8>
  ) throws(FrameError) -> NodeMemory.IncomingMessage {
    let message = try CoherenceBody(header, in: frame).message
    switch (message.content, header.page) {
    case (.none, .none), (.zero, .zero): break
    case (.page, .lines), (.changes, .lines):
      guard memory.coherence.expectsContents(message, from: header.sender) else { throw .body }
    default: throw .body
    }
    return NodeMemory.IncomingMessage(message: message)
  }
}
