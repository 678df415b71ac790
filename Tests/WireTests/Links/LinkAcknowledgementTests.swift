import Testing
import Wire

/// When a link acknowledges, and what it makes of acknowledgements.
struct LinkAcknowledgementTests {
  @Test func requestAndReplyNeedNoAcknowledgementOfTheirOwn() throws {
    var pair = try LinkPair()
    for number in 0..<1_000 as Range<UInt32> {
      try pair.send(number, from: .left)
      #expect(try pair.carry(from: .left) == [number])
      pair.wait(40_000)
      try pair.send(number, from: .right)
      #expect(try pair.carry(from: .right) == [number])
      pair.wait(40_000)
    }
    #expect(pair.left.counters(NodeID(1)).acknowledgementsSent == 0)
    #expect(pair.right.counters(NodeID(0)).acknowledgementsSent == 0)
    #expect(pair.left.counters(NodeID(1)).retransmissions == 0)
    #expect(pair.left.roundTripTime(NodeID(1)) == 40_000)
  }

  @Test func aMessageWithoutReplyIsAcknowledgedAfterTheDelay() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    #expect(try pair.carry(from: .left) == [1])
    #expect(pair.frames(from: .right).isEmpty)
    let delay = pair.right.options.acknowledgementDelay
    #expect(pair.right.deadline == pair.now + delay)
    pair.wait(delay)
    let frames = pair.frames(from: .right)
    #expect(frames.map(\.header.kind) == [.acknowledgement])
    #expect(frames[0].header.acknowledgement == SequenceNumber(1))
    #expect(pair.left.freeMessageCount(NodeID(1)) == pair.left.options.messageCount - 1)
    #expect(pair.receive(frames[0], at: .left) == .nothing)
    #expect(pair.left.freeMessageCount(NodeID(1)) == pair.left.options.messageCount)
  }

  @Test func aDatagramTakesTheAcknowledgementAlong() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    _ = try pair.carry(from: .left)
    var bytes = [UInt8](repeating: 0, count: 1514)
    var span = bytes.mutableSpan
    let heartbeat = Heartbeat(number: 1, heard: NodeSet(), digest: 0)
    let count = try #require(pair.right.write(heartbeat, to: .peer(NodeID(0)), into: &span))
    guard
      case .datagram(_, isFromPeer: true) = pair.left.receive(
        bytes.span.extracting(first: count), at: pair.now)
    else {
      Issue.record("no datagram")
      return
    }
    #expect(pair.left.freeMessageCount(NodeID(1)) == pair.left.options.messageCount)
    pair.wait(1_000_000_000)
    #expect(pair.frames(from: .right).isEmpty)
  }

  @Test func manyMessagesWithoutReplyAreAcknowledgedBeforeTheDelay() throws {
    var pair = try LinkPair()
    for number in 0..<8 as Range<UInt32> { try pair.send(number, from: .left) }
    #expect(try pair.carry(from: .left).count == 8)
    #expect(pair.frames(from: .right).map(\.header.acknowledgement) == [SequenceNumber(8)])
  }

  @Test func aDuplicateIsNotHandedOnAndAcknowledgedAtOnce() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    let frame = pair.frames(from: .left)[0]
    guard case .message = pair.receive(frame, at: .right) else {
      Issue.record("no message")
      return
    }
    #expect(pair.frames(from: .right).isEmpty)
    #expect(pair.receive(frame, at: .right) == .nothing)
    #expect(pair.frames(from: .right).map(\.header.acknowledgement) == [SequenceNumber(1)])
    #expect(pair.right.counters(NodeID(0)).duplicates == 1)
  }

  @Test func anOldAcknowledgementChangesNothing() throws {
    var pair = try LinkPair()
    var acknowledgements: [LinkPair.Carried] = []
    for number in 0..<2 as Range<UInt32> {
      try pair.send(number, from: .left)
      _ = try pair.carry(from: .left)
      pair.wait(pair.right.options.acknowledgementDelay)
      acknowledgements += pair.frames(from: .right)
    }
    for frame in acknowledgements.reversed() { pair.receive(frame, at: .left) }
    #expect(pair.left.freeMessageCount(NodeID(1)) == pair.left.options.messageCount)
    #expect(pair.left.hasFrames == false)
  }

  @Test func anAcknowledgementOfWhatWasNeverSentIsDropped() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    _ = try pair.carry(from: .left)
    pair.wait(pair.right.options.acknowledgementDelay)
    let frame = pair.frames(from: .right)[0].changed { $0.acknowledgement = SequenceNumber(2) }
    #expect(pair.receive(frame, at: .left) == .dropped(.window))
    #expect(pair.left.drops[.window] == 1)
    #expect(pair.left.freeMessageCount(NodeID(1)) == pair.left.options.messageCount - 1)
  }
}
