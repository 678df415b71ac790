import Ethernet
import Cluster
import Support
import Testing
import Wire

#if DEBUG
  private let frameCount = 100_000
#else
  private let frameCount = 2_000_000
#endif

/// Strangers and members send what makes no sense.
struct ClusterFuzzTests {
  /// The address, number and incarnation of one who may be meant, or pretends to be.
  private struct Pretender {
    var address: MACAddress
    var incarnation: Incarnation
    var id: NodeID
  }

  private struct Target: ~Copyable {
    var links: LinkTable<ProcessorByteRoutines>
    var membership: Membership

    init(at now: Instant, incarnation: UInt32) {
      let local = LocalNode(
        address: MACAddress(0x0200_0000_0000), incarnation: Incarnation(incarnation), cluster: ClusterID(7))
      links = LinkTable(local: local, nodeCount: 2, routines: ProcessorByteRoutines())
      membership = Membership(
        ClusterSimulation.announcement, local: local, options: ClusterOptions(nodeCount: 2), at: now)
    }
  }

  private func pretender(_ generator: inout SeededGenerator) -> Pretender {
    let choice = generator.next()
    let index = choice % 4
    return Pretender(
      address: MACAddress(0x0200_0000_0000 + index),
      incarnation: Incarnation(choice >> 8 % 32 == 0 ? 1_000_002 : 1_000_001),
      id: choice >> 16 % 4 != 0 ? .none : NodeID(UInt16(choice >> 24 % 4)))
  }

  private func nodeSet(_ generator: inout SeededGenerator) -> NodeSet {
    var set = NodeSet()
    set[word: 0] = generator.next() % 4
    if generator.next() % 32 == 0 { set[word: Int(generator.next() % 4)] = generator.next() }
    return set
  }

  /// A small number most of the time, else any.
  private func number(_ generator: inout SeededGenerator) -> UInt64 {
    switch generator.next() % 16 {
    case 0: generator.next()
    case 1: .max
    default: generator.next() % 8
    }
  }

  private func body(
    _ kind: MessageKind, _ sender: Pretender, _ view: View?, _ request: Instant,
    _ generator: inout SeededGenerator
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: FrameLayout.maximumBodyCount)
    var span = bytes.mutableSpan
    func write(_ message: some WireMessage, _ span: inout MutableSpan<UInt8>) -> Int {
      message.write(to: &span, at: 0)
      return message.byteCount
    }
    let count: Int
    switch kind {
    case .announcement:
      var announcement = ClusterSimulation.announcement
      announcement.nodeCount = generator.next() % 8 == 0 ? UInt16(1 + generator.next() % 256) : 2
      announcement.wantedID = generator.next() % 16 == 0 ? NodeID(UInt16(generator.next() % 6)) : .none
      announcement.address = generator.next() % 16 == 0 ? MACAddress(generator.next()) : sender.address
      announcement.software.build = generator.next() % 8 == 0 ? 1 : 0
      count = write(announcement, &span)
    case .view:
      var said =
        view
        ?? View(
          epoch: Epoch(UInt32(truncatingIfNeeded: number(&generator))), stage: .proposed,
          members: nodeSet(&generator), digest: generator.next())
      // Often what the node itself says, perhaps in another epoch.
      if generator.next() % 2 == 0 { said.stage = .agreed }
      if generator.next() % 8 == 0 { said.epoch = Epoch(UInt32(truncatingIfNeeded: number(&generator))) }
      if generator.next() % 8 == 0 { said.members = nodeSet(&generator) }
      count = write(said, &span)
    case .heartbeat: count = write(Heartbeat(number: 1, heard: nodeSet(&generator), digest: 1), &span)
    case .clockRequest:
      count = write(ClockRequest(sentAt: Instant(nanoseconds: number(&generator))), &span)
    case .clockReply:
      let time = number(&generator)
      count = write(
        ClockReply(
          requestSentAt: request, receivedAt: time - time % 1000, sentAt: time,
          uncertainty: UInt32(truncatingIfNeeded: number(&generator))), &span)
    default:
      // Often one that ends the node, and what a cluster of two can weigh.
      let detail = generator.next() % 2 == 0 ? generator.next() >> (generator.next() % 64) : 1 | 2 << 32
      let reason =
        generator.next() % 2 == 0 ? .declaredDown : Refusal.Reason(rawValue: UInt16(generator.next() % 12))
      count = write(Refusal(reason, detail: detail), &span)
    }
    if generator.next() % 32 == 0 {
      bytes[Int(generator.next() % 128)] ^= UInt8(truncatingIfNeeded: 1 << (generator.next() % 8))
    }
    return Array(bytes[..<(generator.next() % 32 == 0 ? Int(generator.next() % 128) : count)])
  }

  @Test func nothingThatIsSentMakesANodeTrap() throws {
    var generator = SeededGenerator(seed: 12)
    var now = Instant(nanoseconds: 1_000_000)
    var incarnation: UInt32 = 1
    var target = Target(at: now, incarnation: incarnation)
    var view: View?
    var request = Instant(nanoseconds: 0)
    var buffer = [UInt8](repeating: 0, count: FrameLayout.maximumFrameCount)
    var installCount = 0
    var expelledCount = 0
    let kinds: [MessageKind] = [
      .announcement, .view, .view, .heartbeat, .clockRequest, .clockReply, .refusal,
    ]
    for index in 0..<frameCount {
      let sender = pretender(&generator)
      var kind = kinds[Int(generator.next() % 7)]
      // Refusals are rare: some of them end the node.
      if kind == .refusal || kind == .heartbeat, generator.next() % 8 != 0 { kind = .announcement }
      let body = body(kind, sender, view, request, &generator)
      var header = FrameHeader(destination: .broadcast, source: sender.address, kind: kind)
      header.cluster = ClusterID(7)
      header.sender = sender.id
      header.senderIncarnation = sender.incarnation
      header.receiverIncarnation = generator.next() % 2 == 0 ? .none : Incarnation(incarnation)
      header.epoch = Epoch(
        generator.next() % 256 == 0
          ? UInt32(truncatingIfNeeded: number(&generator)) : target.membership.map.epoch.value)
      if sender.id == .none { header.epoch = Epoch(0) }
      header.bodyCount = body.count
      target.membership.receive(
        header, body.span, isFromPeer: target.links.peers.contains(sender.id), links: &target.links, at: now)
      if index % 8 == 0 { now = now + generator.next() % 40_000_000 }
      if now >= target.membership.deadline { target.membership.advance(links: &target.links, at: now) }
      var bytes = buffer.mutableSpan
      while let count = target.membership.writeDatagram(to: &bytes, links: &target.links, at: now) {
        let frame = bytes.span.extracting(first: count)
        let header = try FrameHeader(frame, using: ProcessorByteRoutines())
        if header.kind == .clockRequest { request = try ClockRequest(header, in: frame).sentAt }
        if header.kind == .view { view = try View(header, in: frame) }
        #expect(!header.destination.isGroup || header.destination == .broadcast && header.kind != .refusal)
      }
      while let event = target.membership.nextEvent() {
        switch event {
        case .formed, .changed: installCount += 1
        default: break
        }
      }
      if target.membership.state == .expelled || index % 5_000 == 4_999 {
        if target.membership.state == .expelled { expelledCount += 1 }
        incarnation += 1
        target = Target(at: now, incarnation: incarnation)
        view = nil
      }
    }
    // Among the nonsense was what makes clusters, and ends them.
    #expect(installCount > 20)
    #expect(expelledCount > 50)
  }
}
