import Memory
import Testing
import Wire

/// What is counted by type of message.
struct LinkTrafficTests {
  @Test func eachKindHasAPlaceOfItsOwn() {
    #expect(MessageKind.allCases.map(\.index) == Array(0..<MessageKind.count))
    let pair = LinkPair.makeTable(LinkPair.leftPeer)
    #expect(pair.traffic.sent.count == MessageKind.count)
  }

  @Test func aPageCountsAsOneMessageWithTheBytesOfItsFrames() throws {
    var pair = try LinkPair()
    try pair.send(1, page: .lines(.all, frame: HostPhysicalAddress(0x1000)), from: .left)
    try pair.send(2, page: .zero, from: .left)
    try pair.send(3, page: .lines(PageLines(rawValue: 0x10F), frame: HostPhysicalAddress(0)), from: .left)
    let ping = MessageKind.ping.index
    let frames = pair.frames(from: .left)
    let byteCount = UInt64(frames.reduce(0) { $0 + $1.bytes.count })
    #expect(pair.left.traffic.sent[ping].messages == 3 && pair.left.traffic.sent[ping].bytes == byteCount)
    for frame in frames.prefix(2) { pair.receive(frame, at: .right) }
    #expect(pair.right.traffic.received[ping].messages == 0)
    for frame in frames.dropFirst(2) { pair.receive(frame, at: .right) }
    #expect(pair.right.traffic.received[ping] == pair.left.traffic.sent[ping])
    #expect(pair.left.traffic.received[ping] == Traffic() && pair.right.traffic.sent[ping] == Traffic())
  }

  @Test func framesThatAreSentAgainCountOnce() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    let ping = MessageKind.ping.index
    let lost = pair.frames(from: .left)
    pair.wait(pair.left.options.initialTimeout)
    let frames = pair.frames(from: .left)
    #expect(pair.left.counters(NodeID(1)).retransmissions == 1)
    #expect(pair.left.counters(NodeID(1)).retransmittedBytes == UInt64(lost[0].bytes.count))
    for frame in frames + lost { pair.receive(frame, at: .right) }
    #expect(pair.right.counters(NodeID(0)).duplicates == 1)
    #expect(pair.left.traffic.sent[ping].messages == 1)
    #expect(pair.right.traffic.received[ping] == pair.left.traffic.sent[ping])
  }

  @Test func acknowledgementsAndDatagramsCount() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    _ = try pair.carry(from: .left)
    pair.wait(pair.right.options.acknowledgementDelay)
    _ = try pair.carry(from: .right)
    let acknowledgement = MessageKind.acknowledgement.index
    #expect(pair.right.traffic.sent[acknowledgement].messages == 1)
    #expect(pair.right.traffic.sent[acknowledgement].bytes == 78)
    #expect(pair.left.traffic.received[acknowledgement] == pair.right.traffic.sent[acknowledgement])

    var bytes = [UInt8](repeating: 0, count: 1514)
    let heartbeat = Heartbeat(number: 1, heard: NodeSet(), digest: 0)
    for destination in [.peer(NodeID(0)), .everyone] as [DatagramDestination] {
      var span = bytes.mutableSpan
      let count = try #require(pair.right.write(heartbeat, to: destination, into: &span))
      _ = pair.left.receive(bytes.span.extracting(first: count), at: pair.now)
    }
    let index = MessageKind.heartbeat.index
    #expect(pair.right.traffic.sent[index].messages == 2 && pair.right.traffic.sent[index].bytes == 2 * 126)
    #expect(pair.left.traffic.received[index] == pair.right.traffic.sent[index])
  }

  @Test func aFrameThatIsDroppedCountsAsNothing() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    var frame = pair.frames(from: .left)[0]
    frame.bytes[80] ^= 1
    #expect(pair.receive(frame, at: .right) == .dropped(.checksum))
    #expect(pair.right.traffic.received.indices.allSatisfy { pair.right.traffic.received[$0] == Traffic() })
  }
}
