import Memory
import Wire

extension NodeEngine where Routines: ~Copyable, Pages: ~Copyable {
  /// Bytes that a ping can carry.
  public static var pingSizes: ClosedRange<Int> { Ping.minimumByteCount...4096 }

  /// Sends a ping of `size` bytes, which is in `pingSizes`: up to 128 are its body, more are lines of a page.
  public mutating func ping(
    _ id: NodeID, number: UInt32, size: Int, at now: Instant
  ) throws(LinkError) {
    precondition(Self.pingSizes.contains(size))
    let isPage = size > FrameLayout.maximumLinkBodyCount
    let ping = Ping(number: number, sentAt: now, byteCount: isPage ? Ping.minimumByteCount : size)
    let page: OutgoingPage = isPage ? .lines(.first(byteCount: size), frame: pings.pattern) : .none
    try links.send(ping, page: page, to: id)
  }

  /// The next answer that has come; nil where there is no more.
  public mutating func nextPong() -> Pong? { pings.nextPong() }

  mutating func receivePing(_ header: FrameHeader, _ frame: Span<UInt8>, at now: Instant) {
    pingFrameCount += 1
    guard var message = header.isContinuation ? pings.take(from: header.sender) : begin(header, frame)
    else { return }
    if case .lines(let lines) = header.page {
      if message.lines.isEmpty, !lines.isEmpty { message.frame = pings.takeFrame() }
      message.lines.formUnion(lines)
      if let target = message.frame { copyLines(header, frame, to: target) }
    }
    guard !header.isContinued else { return pings.put(back: message, from: header.sender) }
    receivedPingCount += 1
    if message.ping.kind == .ping {
      answer(message, isZero: header.page == .zero, to: header.sender)
    } else {
      complete(message, from: header.sender, at: now)
    }
  }

  /// The message that starts with `frame`, if it is one.
  @inline(__always)
  private mutating func begin(_ header: FrameHeader, _ frame: Span<UInt8>) -> PingState.Incoming? {
    pings.abandon(header.sender)
    do {
      return PingState.Incoming(ping: try Ping(header, in: frame))
    } catch {
      links.drops.count(error)
      return nil
    }
  }

  @inline(__always)
  mutating func copyLines(
    _ header: FrameHeader, _ frame: Span<UInt8>, to target: HostPhysicalAddress
  ) {
    var page = pages.mutableBytes(of: target)
    for run in header.pageRuns {
      let end = run.frameOffset + run.byteCount
      links.routines.copy(frame.extracting(run.frameOffset..<end), to: &page, at: run.pageOffset)
    }
  }

  @inline(__always)
  private mutating func answer(_ message: PingState.Incoming, isZero: Bool, to id: NodeID) {
    var page: OutgoingPage = isZero ? .zero : .none
    if let frame = message.frame { page = .lines(message.lines, frame: frame) }
    if message.frame == nil, !message.lines.isEmpty { curtailedPings += 1 }
    send(PingState.HeldPong(receiver: id, pong: message.ping.pong, page: page))
  }

  /// Sends a pong, or holds it back while its link has no room.
  @inline(__always)
  private mutating func send(_ pong: PingState.HeldPong) {
    do {
      try links.send(pong.pong, page: pong.page, to: pong.receiver)
    } catch {
      if error == .full, pings.hold(pong) { return }
      curtailedPings += 1
      if case .lines(_, let frame) = pong.page { pings.giveBack(frame) }
    }
  }

  /// Sends the pongs that have been waiting for room, each once.
  mutating func sendHeldPongs() {
    for _ in 0..<pings.heldCount {
      if let pong = pings.takeHeld() { send(pong) }
    }
  }

  private mutating func complete(_ message: PingState.Incoming, from id: NodeID, at now: Instant) {
    let ping = message.ping
    var isIntact = message.lines.isEmpty
    if let frame = message.frame {
      let line = message.lines[Int(ping.number) % message.lines.count]
      isIntact = Self.haveSameLine(line, pages.bytes(of: frame), pages.bytes(of: pings.pattern))
      pings.giveBack(frame)
    }
    pings.append(
      Pong(
        sender: id, number: ping.number, sentAt: ping.sentAt, receivedAt: now,
        lineCount: message.lines.count, isIntact: isIntact))
  }

  private static func haveSameLine(_ line: Int, _ page: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    let start = line * PageLines.lineSize
    for offset in stride(from: start, to: start + PageLines.lineSize, by: 8)
    where page.uint64(at: offset) != other.uint64(at: offset) { return false }
    return true
  }
}
