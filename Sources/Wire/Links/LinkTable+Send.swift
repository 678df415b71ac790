extension LinkTable where Routines: ~Copyable {
  /// Messages that `send` takes for `id` before it throws `full`; 0 where there is no link.
  public func freeMessageCount(_ id: NodeID) -> Int {
    guard peers.contains(id) else { return 0 }
    return options.messageCount - (links[id.index].endSlot - links[id.index].firstSlot)
  }

  /// Sends `message`, which is of a sequenced kind, with a page's contents to the node at the other end of a link.
  ///
  /// It carries the present epoch, also where it has to be sent again in a later one. Where this throws, nothing
  /// has changed.
  public mutating func send(
    _ message: some WireMessage, page: OutgoingPage = .none, to id: NodeID
  ) throws(LinkError) {
    guard peers.contains(id) else { throw .closed }
    guard freeMessageCount(id) > 0 else { throw .full }
    let slot = slotIndex(id, links[id.index].endSlot)
    slots[slot].set(message, page: page, epoch: local.epoch)
    slots[slot].first = links[id.index].sending.append(frameCount: slots[slot].frameCount)
    links[id.index].endSlot += 1
    links[id.index].counters.messagesSent += 1
    update(id)
  }

  /// The next frame to send, on whichever link; nil where there is none. It counts as sent.
  public mutating func nextFrame(at now: Instant) -> OutgoingFrame? {
    if now >= deadline { expire(at: now) }
    guard let id = ready.first(from: turn) ?? ready.first() else { return nil }
    turn = id.index + 1
    let frame =
      links[id.index].sending.isReady ? messageFrame(to: id, at: now) : acknowledgementFrame(to: id)
    links[id.index].receiving.acknowledge()
    update(id)
    return frame
  }

  /// Writes `frame`, which `nextFrame` has just given, to the start of `bytes`.
  ///
  /// - Parameters:
  ///   - page: the 4 KiB at `frame.page`; of any length where that is nil.
  ///   - bytes: has room for `frame.count`.
  public func write(_ frame: OutgoingFrame, page: Span<UInt8>, to bytes: inout MutableSpan<UInt8>) {
    frame.header.write(to: &bytes)
    if frame.header.bodyCount > 0 { slots[frame.slot].copyBody(to: &bytes, using: routines) }
    if frame.page != nil {
      for run in frame.header.pageRuns {
        let end = run.pageOffset + run.byteCount
        routines.copy(page.extracting(run.pageOffset..<end), to: &bytes, at: run.frameOffset)
      }
    }
    frame.header.seal(&bytes, using: routines)
  }

  private mutating func messageFrame(to id: NodeID, at now: Instant) -> OutgoingFrame {
    let index = id.index
    let slot = slotIndex(id, links[index].nextSlot)
    let number = links[index].sending.next
    var header = header(slots[slot].kind, to: id)
    header.epoch = slots[slot].epoch
    header.sequence = number
    let fragment = number.distance(from: slots[slot].first)
    slots[slot].describe(fragment: fragment, in: &header)
    if links[index].sending.send(at: now, options) {
      links[index].counters.retransmissions += 1
    } else {
      links[index].counters.framesSent += 1
    }
    if fragment + 1 == slots[slot].frameCount { links[index].nextSlot += 1 }
    return OutgoingFrame(header: header, page: slots[slot].pageFrame, slot: slot)
  }

  private mutating func acknowledgementFrame(to id: NodeID) -> OutgoingFrame {
    links[id.index].counters.acknowledgementsSent += 1
    return OutgoingFrame(header: header(.acknowledgement, to: id), page: nil, slot: 0)
  }

  /// A header for the other end of a link, with the acknowledgement of what it has sent.
  func header(_ kind: MessageKind, to id: NodeID) -> FrameHeader {
    let peer = links[id.index].peer
    var header = FrameHeader(destination: peer.address, source: local.address, kind: kind)
    header.setSender(local)
    header.receiver = id
    header.receiverIncarnation = peer.incarnation
    header.acknowledgement = links[id.index].receiving.expected
    header.reportsGap = links[id.index].receiving.reportsGap
    return header
  }

  /// Looks at the links whose deadline has passed, and finds the next one.
  private mutating func expire(at now: Instant) {
    deadline = .never
    var next = peers.first()
    while let id = next {
      if now >= links[id.index].receiving.deadline { links[id.index].receiving.timeOut() }
      if now >= links[id.index].sending.deadline {
        links[id.index].sending.timeOut()
        links[id.index].counters.timeouts += 1
        links[id.index].nextSlot = links[id.index].acknowledgedSlot
      }
      update(id)
      next = peers.first(from: id.index + 1)
    }
  }

  /// Where slot `number` of a link stands.
  func slotIndex(_ id: NodeID, _ number: Int) -> Int {
    id.index * options.messageCount + number & (options.messageCount - 1)
  }
}
