import Ethernet
import Memory
import Support
import Testing
import Wire

#if DEBUG
  private let frameCount = 200_000
#else
  private let frameCount = 5_000_000
#endif

struct HostilePeerTests {
  /// A peer, and strangers that pretend to be one, send frames that are well formed but make no sense.
  @Test func noFramesOfAPeerMakeALinkTrap() throws {
    var generator = SeededGenerator(seed: 11)
    var incarnation: UInt32 = 20
    var pair = try LinkPair()
    var takenCount = 0
    var brokenCount = 0
    for index in 0..<frameCount {
      let now = pair.now
      var header = FuzzedFrame(&generator, lineLimit: 2).header
      let choice = generator.next()
      if !header.kind.isSequenced, choice >> 40 & 1 == 0 {
        header = FuzzedFrame(&generator, lineLimit: 2).header
      }
      header.source = LinkPair.rightPeer.address
      header.cluster = ClusterID(0)
      header.sender = choice & 0x1F == 0 ? header.sender : NodeID(1)
      header.receiver = choice & 0x3E0 == 0 ? header.receiver : NodeID(0)
      header.senderIncarnation = choice & 0x7C00 == 0 ? header.senderIncarnation : Incarnation(incarnation)
      header.receiverIncarnation = choice & 0xF8000 == 0 ? .none : Incarnation(10)
      // Numbers near those that are expected, most of the time.
      let taken = UInt32(truncatingIfNeeded: pair.left.counters(NodeID(1)).framesReceived)
      let sent = UInt32(truncatingIfNeeded: pair.left.counters(NodeID(1)).framesSent)
      if choice & 0x30_0000 != 0 { header.sequence = SequenceNumber(taken &+ UInt32(choice >> 32 & 3) &- 1) }
      if header.acknowledgement != nil, choice & 0xC0_0000 != 0 {
        header.acknowledgement = SequenceNumber(sent &- UInt32(choice >> 36 & 15) &+ 1)
      }
      var bytes = [UInt8](repeating: 0, count: header.frameCount)
      var span = bytes.mutableSpan
      header.write(to: &span)
      header.seal(&span, using: ProcessorByteRoutines())
      switch pair.left.receive(bytes.span, at: now) {
      case .message: takenCount += 1
      case .broken:
        brokenCount += 1
        incarnation += 1
        let peer = Peer(
          id: NodeID(1), incarnation: Incarnation(incarnation), address: LinkPair.rightPeer.address)
        try pair.left.open(peer, at: now)
      case .datagram, .nothing, .dropped: break
      }
      while pair.left.nextReleasedPage() != nil {}
      if index % 4 == 0, pair.left.freeMessageCount(NodeID(1)) > 0 {
        try pair.send(
          UInt32(index), page: index % 8 == 0 ? .lines(.all, frame: HostPhysicalAddress(0)) : .none,
          from: .left)
      }
      _ = pair.frames(from: .left)
      pair.wait(choice >> 44)
    }
    #expect(takenCount > frameCount / 100)
    #expect(brokenCount > frameCount / 1000)
  }
}
