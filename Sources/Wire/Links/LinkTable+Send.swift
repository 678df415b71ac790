import Memory

extension LinkTable where Routines: ~Copyable {
  /// Messages that `send` takes for `id` before it throws `full`; 0 where there is no link.
  public func freeMessageCount(_ id: NodeID) -> Int {
    peers.contains(id) ? options.messageCount - links[id.index].usedSlotCount : 0
  }

  /// Whether no message to any peer is unsent or unacknowledged.
  public var isQuiet: Bool {
    var next = peers.first()
    while let id = next {
      guard links[id.index].usedSlotCount == 0 else { return false }
      next = peers.first(from: id.index + 1)
    }
    return true
  }

  /// Sends `message`, which is of a sequenced kind, with a page's contents to the node at the other end of a link.
  ///
  /// It carries the present epoch, also where it has to be sent again in a later one. Where this throws, nothing
  /// has changed.
  ///
  /// - Returns: bytes of its frames.
  @inline(__always)
  @discardableResult
  public mutating func send(
    _ message: some WireMessage, page: OutgoingPage = .none, to id: NodeID
  ) throws(LinkError) -> Int {
    guard peers.contains(id) else { throw .closed }
    guard links[id.index].usedSlotCount < options.messageCount else { throw .full }
    let byteCount = links[id.index].append(message, page: page, epoch: local.epoch, &slots)
    traffic.countSent(message.kind.index, bytes: byteCount)
    update(id)
    return byteCount
  }

  /// The next frame to send, on whichever link; nil where there is none. It counts as sent.
  @inline(__always)
  public mutating func nextFrame(at now: Instant) -> OutgoingFrame? {
    if now >= deadline { expire(at: now) }
    guard !ready.isEmpty, let id = ready.firstAround(from: turn) else { return nil }
    turn = id.index + 1
    let frame = links[id.index].nextFrame(at: now, local.epoch, slots, &outgoing)
    if outgoing.kind == .acknowledgement { traffic.countSent(outgoing.kind.index, bytes: frame.count) }
    update(id)
    return frame
  }

  /// Writes `frame`, which `nextFrame` has just given, to the start of `bytes`. It changes nothing; were it not mutating,
  /// the compiler would copy the table for it.
  ///
  /// - Parameters:
  ///   - page: the 4 KiB at `frame.page`; of any length where that is nil.
  ///   - bytes: has room for `frame.count`.
  @inline(__always)
  public mutating func write(_ frame: OutgoingFrame, page: Span<UInt8>, to bytes: inout MutableSpan<UInt8>) {
    outgoing.write(to: &bytes)
    if outgoing.bodyCount > 0 { slots[frame.slot].copyBody(to: &bytes, using: routines) }
    if frame.page != nil {
      for run in outgoing.pageRuns {
        let end = run.pageOffset + run.byteCount
        routines.copy(page.extracting(run.pageOffset..<end), to: &bytes, at: run.frameOffset)
      }
    }
    outgoing.seal(&bytes, using: routines)
  }

  /// Looks at the links whose deadline has passed, and finds the next one.
  private mutating func expire(at now: Instant) {
    deadline = .never
    var next = peers.first()
    while let id = next {
      links[id.index].expire(at: now)
      update(id)
      next = peers.first(from: id.index + 1)
    }
  }

  /// Whether `nextReleasedPage` has one.
  public var hasReleasedPages: Bool { !releasing.isEmpty }

  /// A page that the links need no more; nil where there is none. Its slot is free with that.
  @inline(__always)
  public mutating func nextReleasedPage() -> ReleasedPage? {
    guard !releasing.isEmpty, let id = releasing.first() else { return nil }
    let page = links[id.index].release(slots)
    update(id)
    return page
  }
}
