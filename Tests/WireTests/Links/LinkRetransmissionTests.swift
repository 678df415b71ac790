import Memory
import Testing
import Wire

/// What a link does about frames that get lost, and how much may be on its way.
struct LinkRetransmissionTests {
  @Test func theTimeoutDoublesWhileNothingComesUpToItsBound() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    #expect(pair.frames(from: .left).count == 1)
    var waits: [UInt64] = []
    for _ in 0..<6 {
      waits.append(pair.left.deadline.since(pair.now))
      pair.now = pair.left.deadline
      #expect(pair.frames(from: .left).map(\.header.sequence) == [SequenceNumber(0)])
    }
    #expect(waits.map { $0 / 1_000_000 } == [20, 40, 80, 160, 200, 200])
    #expect(pair.left.counters(NodeID(1)).timeouts == 6)
    #expect(pair.left.counters(NodeID(1)).retransmissions == 6)
    // The last of them arrives.
    pair.now = pair.left.deadline
    #expect(try pair.carry(from: .left) == [1])
  }

  @Test func theTimeoutFollowsTheRoundTripTime() throws {
    var pair = try LinkPair()
    for number in 0..<100 as Range<UInt32> {
      try pair.send(number, from: .left)
      _ = try pair.carry(from: .left)
      pair.wait(3_000_000)
      try pair.send(number, from: .right)
      _ = try pair.carry(from: .right)
    }
    #expect(pair.left.roundTripTime(NodeID(1)) == 3_000_000)
    try pair.send(100, from: .left)
    #expect(pair.frames(from: .left).count == 1)
    pair.wait(2_999_999)
    #expect(pair.frames(from: .left).isEmpty)
    pair.wait(100_000)
    #expect(pair.frames(from: .left).map(\.header.sequence) == [SequenceNumber(100)])
  }

  @Test func anEarlyFrameMakesTheSenderGoBackAtOnce() throws {
    var pair = try LinkPair()
    for number in 0..<4 as Range<UInt32> { try pair.send(number, from: .left) }
    let frames = pair.frames(from: .left)
    for frame in frames.dropFirst() { #expect(pair.receive(frame, at: .right) == .nothing) }
    let reports = pair.frames(from: .right)
    #expect(reports.map(\.header.reportsGap) == [true])
    #expect(reports[0].header.acknowledgement == SequenceNumber(0))
    pair.receive(reports[0], at: .left)
    let again = pair.frames(from: .left)
    #expect(again.map(\.header.sequence.value) == [0, 1, 2, 3])
    #expect(pair.left.counters(NodeID(1)).timeouts == 0)
    // The report comes a second time: it is the same gap.
    pair.receive(reports[0], at: .left)
    #expect(pair.frames(from: .left).isEmpty)
    for frame in again {
      guard case .message = pair.receive(frame, at: .right) else {
        Issue.record("not taken: \(frame.header.sequence)")
        return
      }
    }
    #expect(pair.right.counters(NodeID(0)).messagesReceived == 4)
    #expect(pair.right.counters(NodeID(0)).early == 3)
  }

  @Test func afterATimeoutOneFrameGoesOutUntilItIsAcknowledged() throws {
    var pair = try LinkPair()
    for number in 0..<8 as Range<UInt32> { try pair.send(number, from: .left) }
    #expect(pair.frames(from: .left).count == 8)
    pair.now = pair.left.deadline
    #expect(try pair.carry(from: .left) == [0])
    pair.wait(pair.right.options.acknowledgementDelay)
    _ = try pair.carry(from: .right)
    #expect(try pair.carry(from: .left) == [1, 2])
  }

  @Test func noMoreThanTheWindowIsUnderWay() throws {
    var options = LinkOptions()
    options.window = 10
    var pair = try LinkPair(options)
    for number in 0..<64 as Range<UInt32> { try pair.send(number, from: .left) }
    var arrived: [UInt32] = []
    while arrived.count < 64 {
      let numbers = try pair.carry(from: .left)
      #expect(numbers.count <= 10 && !numbers.isEmpty)
      arrived += numbers
      pair.wait(options.acknowledgementDelay)
      _ = try pair.carry(from: .right)
    }
    #expect(arrived == Array(0..<64))
  }

  @Test func aMessageIsRefusedWhileAllSlotsAreInUse() throws {
    var options = LinkOptions()
    options.messageCount = 2
    var pair = try LinkPair(options)
    try pair.send(0, from: .left)
    try pair.send(1, from: .left)
    var refusal: LinkError?
    do { try pair.left.send(LinkPair.ping(2), to: NodeID(1)) } catch { refusal = error }
    #expect(refusal == .full)
    #expect(try pair.carry(from: .left) == [0, 1])
    pair.wait(options.acknowledgementDelay)
    _ = try pair.carry(from: .right)
    try pair.send(2, from: .left)
    #expect(try pair.carry(from: .left) == [2])
  }

  @Test func aDeadPeersWindowDoesNotStopTheOthers() throws {
    let simulation = LinkSimulation(seed: 1, nodeCount: 3, faults: .none)
    simulation.blocked = 2
    for index in 0..<100 {
      simulation.after(UInt64(index) * 50_000) { simulation in
        simulation.send(2, from: 0, to: 2)
        simulation.send(1, from: 0, to: 1)
        simulation.send(1, from: 1, to: 0)
      }
    }
    #expect(!simulation.run(limit: 8_000_000))
    #expect(simulation.nodes[1].receivedCounts[0] >= 100)
    #expect(simulation.nodes[0].receivedCounts[1] >= 100)
    #expect(simulation.nodes[0].links.freeMessageCount(NodeID(2)) == 0)
    #expect(simulation.nodes[2].receivedCounts[0] == 0)
  }
}
