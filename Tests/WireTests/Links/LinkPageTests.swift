import Ethernet
import Memory
import Testing
import Wire

/// How pages travel, and when their frames are given back.
struct LinkPageTests {
  private static func page(_ frame: UInt64) -> OutgoingPage {
    .lines(.all, frame: HostPhysicalAddress(frame))
  }

  @Test func aPageTakesThreeFramesOfStandardSize() throws {
    var pair = try LinkPair()
    for bodyCount in [Ping.minimumByteCount, FrameLayout.maximumLinkBodyCount] {
      let ping = Ping(number: 1, sentAt: pair.now, byteCount: bodyCount)
      try pair.left.send(ping, page: Self.page(0x1000), to: NodeID(1))
      let frames = pair.frames(from: .left)
      #expect(frames.map(\.header.isContinuation) == [false, true, true])
      #expect(frames.map(\.header.isContinued) == [true, true, false])
      #expect(frames.map(\.header.bodyCount) == [bodyCount, 0, 0])
      #expect(frames.allSatisfy { $0.bytes.count <= 1514 })
      var runs: [PageRun] = []
      for frame in frames { runs += Array(frame.header.pageRuns) }
      #expect(runs.count == 3)
      #expect(runs[0].pageOffset == 0)
      #expect(runs[1].pageOffset == runs[0].byteCount)
      #expect(runs[2].pageOffset + runs[2].byteCount == 4096)
    }
  }

  @Test func aZeroPageAndAnEmptyDeltaTakeOneShortFrame() throws {
    var pair = try LinkPair()
    try pair.send(1, page: .zero, from: .left)
    try pair.send(2, page: .lines([], frame: HostPhysicalAddress(0x1000)), from: .left)
    let frames = pair.frames(from: .left)
    #expect(frames.map(\.header.page) == [.zero, .lines([])])
    #expect(frames.map(\.bytes.count) == [94, 94])
  }

  @Test func theLinesOfADeltaTravelInAsFewFramesAsHoldThem() throws {
    var pair = try LinkPair()
    let lines = PageLines(rawValue: 0xF0F0_0000_0000_0001)
    try pair.send(1, page: .lines(lines, frame: HostPhysicalAddress(0x1000)), from: .left)
    let frame = pair.frames(from: .left)[0]
    #expect(frame.bytes.count == 94 + 9 * 64)
    #expect(
      Array(frame.header.pageRuns) == [
        PageRun(pageOffset: 0, frameOffset: 94, byteCount: 64),
        PageRun(pageOffset: 52 * 64, frameOffset: 94 + 64, byteCount: 256),
        PageRun(pageOffset: 60 * 64, frameOffset: 94 + 320, byteCount: 256),
      ])
  }

  @Test func aPageIsReleasedOnceAllItsFramesAreAcknowledged() throws {
    var pair = try LinkPair()
    try pair.send(0, page: Self.page(0x1000), from: .left)
    try pair.send(1, from: .left)
    try pair.send(2, page: Self.page(0x2000), from: .left)
    let frames = pair.frames(from: .left)
    #expect(frames.count == 7)
    for frame in frames.prefix(2) { pair.receive(frame, at: .right) }
    pair.wait(pair.right.options.acknowledgementDelay)
    _ = try pair.carry(from: .right)
    #expect(pair.left.nextReleasedPage() == nil)
    for frame in frames.dropFirst(2) { pair.receive(frame, at: .right) }
    pair.wait(pair.right.options.acknowledgementDelay)
    _ = try pair.carry(from: .right)
    #expect(pair.left.freeMessageCount(NodeID(1)) == 61)
    #expect(pair.left.nextReleasedPage() == Self.released(0x1000, wasDelivered: true))
    #expect(pair.left.freeMessageCount(NodeID(1)) == 63)
    #expect(pair.left.nextReleasedPage() == Self.released(0x2000, wasDelivered: true))
    #expect(pair.left.freeMessageCount(NodeID(1)) == 64)
    #expect(pair.left.nextReleasedPage() == nil)
  }

  private static func released(_ frame: UInt64, wasDelivered: Bool) -> ReleasedPage {
    ReleasedPage(frame: HostPhysicalAddress(frame), receiver: NodeID(1), wasDelivered: wasDelivered)
  }

  @Test func closingReleasesWhatWasNotDelivered() throws {
    var pair = try LinkPair()
    try pair.send(0, page: Self.page(0x1000), from: .left)
    _ = try pair.carry(from: .left)
    pair.wait(pair.right.options.acknowledgementDelay)
    _ = try pair.carry(from: .right)
    try pair.send(1, page: Self.page(0x2000), from: .left)
    try pair.send(2, from: .left)
    try pair.send(3, page: Self.page(0x3000), from: .left)
    _ = pair.frames(from: .left)
    pair.left.close(NodeID(1))
    #expect(pair.left.hasFrames == false)
    // A new link does not lose what the old one has not released.
    let peer = Peer(id: NodeID(1), incarnation: Incarnation(21), address: LinkPair.rightPeer.address)
    try pair.left.open(peer, at: pair.now)
    try pair.send(4, page: Self.page(0x4000), from: .left)
    #expect(pair.frames(from: .left).map(\.header.sequence.value) == [0, 1, 2])
    #expect(pair.left.nextReleasedPage() == Self.released(0x1000, wasDelivered: true))
    #expect(pair.left.nextReleasedPage() == Self.released(0x2000, wasDelivered: false))
    #expect(pair.left.nextReleasedPage() == Self.released(0x3000, wasDelivered: false))
    #expect(pair.left.nextReleasedPage() == nil)
    #expect(pair.left.freeMessageCount(NodeID(1)) == 63)
  }

  @Test func aFragmentMustContinueTheMessageBeforeIt() throws {
    var pair = try LinkPair()
    try pair.send(0, page: Self.page(0x1000), from: .left)
    let frames = pair.frames(from: .left)
    let lines = PageLines.first(byteCount: 20 * 64)
    // A continuation of nothing.
    let early = frames[1].changed { $0.sequence = SequenceNumber(0) }
    #expect(pair.receive(early, at: .right) == .dropped(.fragment))
    guard case .message = pair.receive(frames[0], at: .right) else {
      Issue.record("not taken")
      return
    }
    // A new message, another kind, lines that were there before.
    try pair.send(1, from: .left)
    let other = pair.frames(from: .left)[0].changed { $0.sequence = SequenceNumber(1) }
    #expect(pair.receive(other, at: .right) == .dropped(.fragment))
    #expect(pair.receive(frames[1].changed { $0.kind = .pong }, at: .right) == .dropped(.fragment))
    var again = frames[1].changed {
      $0.page = .lines(lines)
      $0.isContinued = true
    }
    again.bytes.removeLast(again.bytes.count - again.header.frameCount)
    #expect(pair.receive(again, at: .right) == .dropped(.fragment))
    #expect(pair.right.drops[.fragment] == 4)
    // The right ones are taken still.
    for frame in frames.dropFirst() {
      guard case .message = pair.receive(frame, at: .right) else {
        Issue.record("not taken")
        return
      }
    }
  }

  @Test func aPeerThatKeepsSendingNonsenseLosesItsLink() throws {
    var pair = try LinkPair()
    try pair.send(0, page: Self.page(0x1000), from: .left)
    try pair.send(0, page: Self.page(0x2000), from: .right)
    let wrong = pair.frames(from: .left)[1].changed { $0.sequence = SequenceNumber(0) }
    for _ in 0..<15 { #expect(pair.receive(wrong, at: .right) == .dropped(.fragment)) }
    #expect(pair.receive(wrong, at: .right) == .broken(NodeID(0), .fragment))
    #expect(pair.right.peer(NodeID(0)) == nil)
    #expect(pair.right.nextReleasedPage()?.wasDelivered == false)
    #expect(pair.receive(wrong, at: .right) == .dropped(.stranger))
  }
}
