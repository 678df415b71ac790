import Ethernet
import Foundation
import Memory
import Support
import Wire

/// A node that sends what it is told to, checks what comes, and answers some of it.
final class SimulatedNode {
  let peer: Peer
  var links: LinkTable<ProcessorByteRoutines>
  private(set) var failure: String?

  /// How many messages of this node's ever begun links to each peer have been sent and received.
  private var sentCounts: [UInt32]
  private(set) var receivedCounts: [UInt32]
  /// What could not be sent yet, for lack of room.
  private var waiting: [(receiver: NodeID, kind: MessageKind)] = []
  private(set) var frames = SimulatedFrames()
  private var incoming: [IncomingPage?]
  private let pageShare: Double

  private struct IncomingPage {
    var message: SimulatedMessage
    var bytes = [UInt8](repeating: 0xEE, count: 4096)
    var lines: PageLines = []
  }

  init(_ peer: Peer, nodeCount: Int, options: LinkOptions, pageShare: Double) {
    self.peer = peer
    self.pageShare = pageShare
    var local = LocalNode(address: peer.address, incarnation: peer.incarnation, cluster: ClusterID(7))
    local.id = peer.id
    links = LinkTable(local: local, nodeCount: nodeCount, options: options, routines: ProcessorByteRoutines())
    sentCounts = [UInt32](repeating: 0, count: nodeCount)
    receivedCounts = sentCounts
    incoming = [IncomingPage?](repeating: nil, count: nodeCount)
  }

  func fail(_ message: String) { failure = failure ?? "node \(peer.id.value): \(message)" }

  func open(_ other: Peer, at now: Instant) {
    do { try links.open(other, at: now) } catch { fail("can't open: \(error)") }
    sentCounts[other.id.index] = 0
    receivedCounts[other.id.index] = 0
    incoming[other.id.index] = nil
    waiting.removeAll { $0.receiver == other.id }
    takeReleasedPages()
  }

  func close(_ id: NodeID) {
    links.close(id)
    takeReleasedPages()
  }

  /// Messages sent and waiting to be.
  func sentCount(to id: NodeID) -> Int {
    Int(sentCounts[id.index]) + waiting.count { $0.receiver == id }
  }

  /// Sends `count` messages as soon as there is room.
  func send(_ count: Int, to receiver: NodeID) {
    for _ in 0..<count { waiting.append((receiver, .ping)) }
    sendWaiting()
  }

  private func sendWaiting() {
    var full = NodeSet()
    waiting.removeAll { message in
      guard links.freeMessageCount(message.receiver) > 0, !full.contains(message.receiver) else {
        full.insert(message.receiver)
        return false
      }
      let number = sentCounts[message.receiver.index]
      sentCounts[message.receiver.index] += 1
      let plan = SimulatedMessage(from: peer, to: message.receiver, number: number, pageShare: pageShare)
      var ping = Ping(number: number, sentAt: Instant(nanoseconds: 0), byteCount: plan.bodyCount)
      ping.kind = message.kind
      let page: OutgoingPage =
        switch plan.content {
        case .none: .none
        case .zero: .zero
        case .lines(let lines): .lines(lines, frame: frames.allocate(plan.page))
        }
      do { try links.send(ping, page: page, to: message.receiver) } catch { fail("can't send: \(error)") }
      return true
    }
  }

  func receive(_ frame: [UInt8], at now: Instant) {
    switch links.receive(frame.span, at: now) {
    case .message(let header): take(header, frame)
    case .datagram(let header, _): fail("a datagram: \(header)")
    case .broken(let id, let error): fail("broken link to \(id.value): \(error)")
    case .nothing, .dropped: break
    }
    takeReleasedPages()
    sendWaiting()
  }

  private func takeReleasedPages() {
    while let page = links.nextReleasedPage() { frames.free(page.frame) }
  }

  private func take(_ header: FrameHeader, _ frame: [UInt8]) {
    let sender = header.sender.index
    if !header.isContinuation { begin(header, frame) }
    guard var page = incoming[sender] else { return fail("a continuation of nothing") }
    if case .lines(let lines) = header.page {
      if !page.lines.isDisjoint(with: lines) { fail("a line for a second time") }
      page.lines.formUnion(lines)
      for run in header.pageRuns {
        _ = page.bytes.withUnsafeMutableBytes { to in
          frame.withUnsafeBytes { from in
            memcpy(to.baseAddress! + run.pageOffset, from.baseAddress! + run.frameOffset, run.byteCount)
          }
        }
      }
    } else if header.page != page.message.content {
      fail("another page: \(header.page)")
    }
    guard !header.isContinued else {
      incoming[sender] = page
      return
    }
    finish(page)
    incoming[sender] = nil
    receivedCounts[sender] += 1
    if page.message.wantsReply, header.kind == .ping { waiting.append((header.sender, .pong)) }
  }

  private func begin(_ header: FrameHeader, _ frame: [UInt8]) {
    let sender = header.sender.index
    if incoming[sender] != nil { fail("a message before the end of the last") }
    do {
      let ping = try Ping(header, in: frame.span)
      let number = receivedCounts[sender]
      if ping.number != number { fail("message \(ping.number) of \(sender), not \(number)") }
      let from = Peer(id: header.sender, incarnation: header.senderIncarnation, address: header.source)
      let message = SimulatedMessage(from: from, to: peer.id, number: number, pageShare: pageShare)
      if ping.byteCount != message.bodyCount { fail("\(ping.byteCount) bytes, not \(message.bodyCount)") }
      incoming[sender] = IncomingPage(message: message)
    } catch {
      fail("not a ping: \(error)")
    }
  }

  private func finish(_ page: IncomingPage) {
    guard case .lines(let lines) = page.message.content else { return }
    if page.lines != lines { fail("lines \(page.lines), not \(lines)") }
    var expected = [UInt8](repeating: 0xEE, count: 4096)
    let source = page.message.page
    for line in 0..<64 where lines.contains(PageLines(rawValue: 1 << UInt64(line))) {
      expected.replaceSubrange(64 * line..<64 * line + 64, with: source[64 * line..<64 * line + 64])
    }
    if !page.bytes.hasSameBytes(as: expected) { fail("a page with other contents") }
  }
}
