import Coherence
import Memory
import Wire

extension LinkWorld {
  /// Does what the engine of `node` wants, as its driver.
  mutating func act(_ node: LinkNode<Rules>) {
    while let action = node.engine.nextAction() {
      switch action {
      case .send(let message, _): send(message, node)
      case .map(_, let access):
        if node.shootdown != nil { fail("node \(node.id.index) maps the page during a shootdown") }
        node.permission = access == .write ? .write : .read
      case .beginVersion(_, let version):
        node.twin = node.contents
        node.twinVersion = version
      case .protect: startShootdown(node, leaving: .read)
      case .unmap: startShootdown(node, leaving: .none)
      case .resume(_, let isPinned): resume(node, isPinned: isPinned)
      case .retry:
        if node.vCPU == .reading { node.vCPU = .retryingRead }
        if node.vCPU == .writing { node.vCPU = .retryingWrite }
      case .needFrame: node.needFrame()
      case .freeFrame:
        guard let frame = node.frame else { return fail("node \(node.id.index) frees no frame") }
        node.freeFrame(frame)
      case .fillWithZeros:
        guard let frame = node.frame else { return fail("node \(node.id.index) has no frame for zeros") }
        node.frames[frame].contents = HashedBytes(page: 0)
      case .kept: break
      case .breakLink(_, let fault):
        fail("node \(node.id.index) does not understand the other: \(fault.summary)")
      case .stop(let fault): fail("node \(node.id.index) stops: \(fault.summary)")
      }
    }
  }

  private mutating func startShootdown(_ node: LinkNode<Rules>, leaving permission: Permission) {
    if node.shootdown != nil { fail("node \(node.id.index) starts two shootdowns") }
    node.shootdown = permission
  }

  /// The vCPU's access takes place, and ends.
  private mutating func resume(_ node: LinkNode<Rules>, isPinned: Bool) {
    let access = node.vCPU
    node.vCPU = .idle
    guard access == .reading || access == .writing else {
      return fail("node \(node.id.index) resumes nobody")
    }
    guard node.permission >= (access == .writing ? .write : .read) else {
      return fail("node \(node.id.index) resumes without the right to go on")
    }
    if node.contents != latest { fail("node \(node.id.index) reads old contents") }
    if access == .writing { write(node) }
    if isPinned, !node.engine.handle(.release, on: node.page) { fail("a pin is not released") }
  }

  // MARK: Sending

  private mutating func send(_ message: CoherenceMessage, _ node: LinkNode<Rules>) {
    var message = message
    var outgoing = OutgoingPage.none
    switch message.content {
    case .none: break
    case .zero: outgoing = .zero
    case .page, .changes:
      guard let frame = node.frame else { return fail("node \(node.id.index) sends from no frame") }
      if node.frames[frame].contents == HashedBytes.zeroPage {
        message.content = .zero
        outgoing = .zero
      } else {
        let lines = lines(of: &message, node, frame)
        node.frames[frame].references += 1
        outgoing = .lines(lines, frame: HostPhysicalAddress(UInt64(frame) * pageSize))
      }
    }
    expected[node.peer.index].append(message)
    node.backlog.append((message, outgoing))
    node.sendBacklog()
  }

  /// The lines that have to travel.
  private func lines(of message: inout CoherenceMessage, _ node: LinkNode<Rules>, _ frame: Int) -> PageLines {
    guard message.content == .changes else { return .all }
    if message.known == message.version { return [] }
    guard let twin = node.twin, node.twinVersion == message.version else {
      message.content = .page
      return .all
    }
    var lines: UInt64 = 0
    for line in 0..<64 {
      let range = PageLines.lineSize * line..<PageLines.lineSize * (line + 1)
      if node.frames[frame].contents.bytes[range] != twin.bytes[range] { lines |= 1 << UInt64(line) }
    }
    return PageLines(rawValue: lines)
  }

  // MARK: Receiving

  /// A frame arrives.
  mutating func deliver(_ flight: HashedBytes, to node: LinkNode<Rules>) {
    switch node.links.receive(flight.bytes.span, at: node.now) {
    case .message(let header):
      take(header, flight.bytes, node)
      node.framesTaken += 1
    case .nothing:
      if let header = wronglyHandedOn(flight, to: node) { take(header, flight.bytes, node) }
    case .datagram: fail("node \(node.id.index) gets a datagram")
    case .dropped(let error): fail("node \(node.id.index) drops a frame: \(error)")
    case .broken(_, let error): fail("the link of node \(node.id.index) breaks: \(error)")
    }
    node.takeReleasedPages()
  }

  /// What the planted fault, if there is one, makes of a frame that the link has dropped.
  private func wronglyHandedOn(_ flight: HashedBytes, to node: LinkNode<Rules>) -> FrameHeader? {
    guard let fault = configuration.fault else { return nil }
    do throws(FrameError) {
      let header = try FrameHeader(flight.bytes.span, using: node.links.routines)
      guard header.kind == .coherence else { return nil }
      let distance = header.sequence.distance(from: SequenceNumber(UInt32(node.framesTaken)))
      switch fault {
      case .repeatsDuplicates: return distance < 0 ? header : nil
      case .skipsLostFrames: return distance > 0 ? header : nil
      case .neverSendsAgain: return nil
      }
    } catch {
      return nil
    }
  }

  /// Takes a fragment of a message, or all of it.
  private mutating func take(_ header: FrameHeader, _ bytes: [UInt8], _ node: LinkNode<Rules>) {
    if !header.isContinuation {
      do throws(FrameError) {
        let body = try CoherenceBody(header.kind, bytes.span.extracting(header.bodyRange))
        node.incoming = (body.message, [])
      } catch {
        return fail("not a message: \(error)")
      }
    }
    guard let (message, earlier) = node.incoming else { return fail("a continuation of nothing") }
    guard expected[node.id.index].first == message else {
      return fail("node \(node.id.index) gets \(message.kind) twice or out of order")
    }
    if message.content != .none, !node.engine.expectsContents(message, from: node.peer) {
      return fail("node \(node.id.index) gets contents that it does not expect")
    }
    var lines = earlier
    if case .lines(let part) = header.page {
      guard let frame = node.frame else { return fail("node \(node.id.index) has no frame for contents") }
      node.frames[frame].contents.change { contents in
        for run in header.pageRuns {
          for index in 0..<run.byteCount { contents[run.pageOffset + index] = bytes[run.frameOffset + index] }
        }
      }
      lines.formUnion(part)
    }
    node.incoming = header.isContinued ? (message, lines) : nil
    guard !header.isContinued else { return }
    guard Self.fits(message.content, header.page, lines) else { return fail("contents in part") }
    if message.content != .none { node.twin = nil }
    expected[node.id.index].removeFirst()
    node.engine.receive(message, from: node.peer)
    act(node)
  }

  /// Whether what came of the page, all fragments together, is what the message says.
  private static func fits(
    _ said: CoherenceMessage.Content, _ last: PageContent, _ lines: PageLines
  ) -> Bool {
    switch (said, last) {
    case (.none, .none), (.zero, .zero), (.changes, .lines): true
    case (.page, .lines): lines == .all
    default: false
    }
  }
}
