import Support
import Ethernet
import Testing
import Wire

/// Whom a node takes frames from, and which links it opens.
struct LinkPeerTests {
  @Test func onlyTheRightFramesAreTaken() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    let frame = pair.frames(from: .left)[0]
    let wrong: [(FrameError, (inout FrameHeader) -> Void)] = [
      (
        .echo,
        {
          $0.source = LinkPair.rightPeer.address
          $0.senderIncarnation = Incarnation(20)
        }
      ),
      (.cluster, { $0.cluster = ClusterID(1) }),
      (.receiver, { $0.receiver = NodeID(2) }),
      (.receiver, { $0.receiver = .none }),
      (.receiver, { $0.receiverIncarnation = Incarnation(19) }),
      (.receiver, { $0.receiverIncarnation = .none }),
      (.stranger, { $0.sender = NodeID(2) }),
      (.stranger, { $0.sender = .none }),
      (.stranger, { $0.sender = NodeID(300) }),
      (.stranger, { $0.senderIncarnation = Incarnation(11) }),
      (.window, { $0.sequence = SequenceNumber(1 << 20) }),
      (.version, { $0.version = 3 }),
      (
        .cluster,
        {
          $0.version = 3
          $0.cluster = ClusterID(1)
        }
      ),
    ]
    for (error, change) in wrong {
      let before = pair.right.drops[error]
      #expect(pair.receive(frame.changed(change), at: .right) == .dropped(error))
      #expect(pair.right.drops[error] == before + 1)
    }
    #expect(pair.right.drops.total == UInt64(wrong.count))
    #expect(pair.right.hasFrames == false)
    #expect(pair.receive(frame, at: .right) == .message(frame.header))
  }

  @Test func aDatagramMayComeFromAnyoneAndBeForAnyone() throws {
    let pair = try LinkPair()
    var right = pair.right
    var stranger = LinkPair.makeTable(Peer(id: .none, incarnation: Incarnation(5), address: MACAddress(5)))
    let destinations: [DatagramDestination] = [
      .everyone, .stranger(LinkPair.rightPeer.address),
      .stranger(LinkPair.rightPeer.address, NodeID(1), Incarnation(20)),
    ]
    var bytes = [UInt8](repeating: 0, count: 1514)
    for destination in destinations {
      var span = bytes.mutableSpan
      let count = try #require(stranger.write(Announcement(), to: destination, into: &span))
      guard
        case .datagram(let header, isFromPeer: false) = right.receive(
          bytes.span.extracting(first: count), at: pair.now)
      else {
        Issue.record("no datagram: \(destination)")
        continue
      }
      #expect(header.sender == .none && header.senderIncarnation == Incarnation(5))
      #expect(header.acknowledgement == nil)
      #expect(try Announcement(header, in: bytes.span) == Announcement())
    }
    var span = bytes.mutableSpan
    #expect(stranger.write(Announcement(), to: .peer(NodeID(1)), into: &span) == nil)
  }

  @Test func aRefusalIsReadWhateverItsVersion() throws {
    var pair = try LinkPair()
    var bytes = [UInt8](repeating: 0, count: 1514)
    var span = bytes.mutableSpan
    let refusal = Refusal(.protocolVersion, detail: 9)
    let count = try #require(pair.left.write(refusal, to: .peer(NodeID(1)), into: &span))
    let written = try FrameHeader(bytes.span.extracting(first: count), using: ProcessorByteRoutines())
    let frame = LinkPair.Carried(header: written, bytes: Array(bytes[..<count])).changed { $0.version = 9 }
    guard case .datagram(let header, isFromPeer: true) = pair.receive(frame, at: .right) else {
      Issue.record("no datagram")
      return
    }
    #expect(header.version == 9)
    #expect(try Refusal(header, in: frame.bytes.span) == refusal)
  }

  @Test func theSenderOfAnotherVersionCanBeTold() throws {
    var pair = try LinkPair()
    try pair.send(1, from: .left)
    let frame = pair.frames(from: .left)[0].changed { $0.version = 3 }
    #expect(pair.receive(frame, at: .right) == .dropped(.version))
    let origin = FrameOrigin(frame.bytes.span)
    #expect(origin?.version == 3 && origin?.address == LinkPair.leftPeer.address)
    #expect(origin?.id == NodeID(0) && origin?.incarnation == Incarnation(10))
  }

  @Test func linksAreOpenedToPossiblePeersOnly() throws {
    var pair = try LinkPair()
    func error(_ peer: Peer) -> LinkError? {
      do { try pair.left.open(peer, at: pair.now) } catch { return error }
      return nil
    }
    let address = LinkPair.rightPeer.address
    #expect(error(Peer(id: NodeID(0), incarnation: Incarnation(1), address: address)) == .noSuchPeer)
    #expect(error(Peer(id: NodeID(4), incarnation: Incarnation(1), address: address)) == .noSuchPeer)
    #expect(error(Peer(id: .none, incarnation: Incarnation(1), address: address)) == .noSuchPeer)
    #expect(error(LinkPair.rightPeer) == .sameIncarnations)
    pair.left.close(NodeID(1))
    #expect(error(LinkPair.rightPeer) == .sameIncarnations)
    #expect(error(Peer(id: NodeID(1), incarnation: Incarnation(21), address: address)) == nil)
    pair.left.close(NodeID(1))
    pair.left.local.incarnation = Incarnation(11)
    #expect(error(Peer(id: NodeID(1), incarnation: Incarnation(21), address: address)) == nil)
  }

  @Test func nothingIsSentWithoutALink() throws {
    var pair = try LinkPair()
    pair.left.close(NodeID(1))
    var errors: [LinkError] = []
    for id in [NodeID(0), NodeID(1), NodeID(2), NodeID(99), .none] {
      do { try pair.left.send(LinkPair.ping(1), to: id) } catch { errors.append(error) }
      #expect(pair.left.freeMessageCount(id) == 0)
      #expect(
        pair.left.peer(id) == nil && pair.left.lastHeard(id) == nil && pair.left.roundTripTime(id) == nil)
    }
    #expect(errors == [LinkError](repeating: .closed, count: 5))
    let isIdle = !pair.left.hasFrames && pair.left.peers.isEmpty
    #expect(isIdle)
  }

  @Test func aPeerIsHeardByWhateverItSends() throws {
    var pair = try LinkPair()
    #expect(pair.right.lastHeard(NodeID(0)) == pair.now)
    pair.wait(1000)
    try pair.send(1, from: .left)
    _ = try pair.carry(from: .left)
    #expect(pair.right.lastHeard(NodeID(0)) == pair.now)
  }

  @Test func aMessageCarriesTheEpochInWhichItWasSent() throws {
    var pair = try LinkPair()
    pair.left.local.epoch = Epoch(3)
    try pair.send(1, from: .left)
    pair.left.local.epoch = Epoch(4)
    #expect(pair.frames(from: .left).map(\.header.epoch) == [Epoch(3)])
    pair.now = pair.left.deadline
    #expect(pair.frames(from: .left).map(\.header.epoch) == [Epoch(3)])
  }

  @Test func twoHundredAndFiftySixNodesHaveLinksToEachOther() throws {
    var table = LinkPair.makeTable(LinkPair.leftPeer, nodeCount: NodeID.limit)
    let now = Instant(nanoseconds: 0)
    for id in 1..<256 as Range<UInt16> {
      try table.open(
        Peer(id: NodeID(id), incarnation: Incarnation(1), address: MACAddress(UInt64(id))), at: now)
    }
    for _ in 0..<2 {
      for id in 1..<256 as Range<UInt16> { try table.send(LinkPair.ping(UInt32(id)), to: NodeID(id)) }
    }
    // All get their turn.
    let frames = LinkPair.frames(of: &table, at: now)
    #expect(frames.map(\.header.receiver.value) == Array(1..<256) + Array(1..<256))
    #expect(frames.map(\.header.destination.value) == (Array(1..<256) + Array(1..<256)).map { UInt64($0) })
  }
}
