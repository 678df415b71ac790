import Coherence
import Ethernet
import Memory
import Node
import Testing
import Wire

/// The specification's examples, encoded and decoded.
struct TestVectorTests {
  /// One frame of the specification: its header, its body as a message, and the lines of a page.
  struct Example: Sendable {
    let name: String
    var header: FrameHeader
    let message: (any WireMessage)?
    var lines: [UInt8] = []
  }

  private static func header(_ kind: MessageKind, isBroadcast: Bool = false) -> FrameHeader {
    var header = FrameHeader(
      destination: isBroadcast ? .broadcast : MACAddress(0x52_54_00_12_34_02),
      source: MACAddress(0x52_54_00_12_34_01), kind: kind)
    header.cluster = ClusterID(0xC1)
    header.senderIncarnation = Incarnation(0x6553_F100)
    if !isBroadcast {
      header.sender = NodeID(0)
      header.receiver = NodeID(1)
      header.receiverIncarnation = Incarnation(0x6553_F10A)
      header.epoch = Epoch(3)
      header.acknowledgement = SequenceNumber(0x0000_0102)
    }
    return header
  }

  private static func sequenced(_ kind: MessageKind, _ number: UInt32) -> FrameHeader {
    var header = header(kind)
    header.sequence = SequenceNumber(number)
    return header
  }

  private static var nodes: NodeSet {
    var nodes = NodeSet()
    for id in [0, 1, 63, 64, 255] as [UInt16] { nodes.insert(NodeID(id)) }
    return nodes
  }

  private static var announcement: Announcement {
    var announcement = Announcement()
    announcement.wantedID = NodeID(1)
    announcement.nodeCount = 4
    announcement.coreCount = 8
    announcement.memorySize = 0x4_0000_0000
    announcement.tscFrequency = 2_394_454_000
    announcement.address = MACAddress(0x52_54_00_12_34_01)
    announcement.software = SoftwareVersion(major: 0, minor: 2, patch: 7, build: 0x0123_4567_89AB_CDEF)
    announcement.isShadowed = true
    for index in 0..<120 { announcement.processor[index] = UInt32(index) * 0x0101_0101 }
    return announcement
  }

  static var examples: [Example] {
    let ping = Ping(number: 7, sentAt: Instant(nanoseconds: 0x1122_3344_5566), byteCount: 20)
    var gap = header(.acknowledgement)
    gap.reportsGap = true
    var zero = sequenced(.pong, 0x0A)
    zero.page = .zero
    var delta = sequenced(.ping, 0xFFFF_FFFF)
    delta.page = .lines(PageLines(rawValue: 1 << 63 | 1))
    var first = sequenced(.ping, 0x0B)
    first.page = .lines(PageLines(rawValue: 1))
    first.isContinued = true
    var last = sequenced(.ping, 0x0C)
    last.page = .lines(PageLines(rawValue: 1 << 5))
    last.isContinuation = true
    var request = CoherenceMessage(.getShared, PageNumber(0x1_2345))
    request.known = PageVersion(6)
    var forward = CoherenceMessage(.forwardExclusive, PageNumber(0x1_2345))
    forward.requester = NodeID(2)
    forward.acknowledgements = 3
    forward.known = PageVersion(6)
    var data = CoherenceMessage(.data, PageNumber(0x1_2345))
    data.content = .changes
    data.isExclusive = true
    data.acknowledgements = 3
    data.version = PageVersion(7)
    data.known = PageVersion(6)
    var changes = sequenced(.coherence, 0x0F)
    changes.page = .lines(PageLines(rawValue: 1 << 9))
    return [
      Example(name: "acknowledgement", header: gap, message: nil),
      Example(name: "announcement", header: header(.announcement, isBroadcast: true), message: announcement),
      Example(
        name: "view", header: header(.view),
        message: View(epoch: Epoch(4), stage: .agreed, members: nodes, digest: 0xFEDC_BA98_7654_3210)),
      Example(
        name: "heartbeat", header: header(.heartbeat),
        message: Heartbeat(number: 0x0102_0304, heard: nodes, digest: 0xFEDC_BA98_7654_3210)),
      Example(
        name: "clock-request", header: header(.clockRequest),
        message: ClockRequest(sentAt: Instant(nanoseconds: 0x1122_3344_5566))),
      Example(
        name: "clock-reply", header: header(.clockReply),
        message: ClockReply(
          requestSentAt: Instant(nanoseconds: 0x1122_3344_5566), receivedAt: 0x2000_0000_0000,
          sentAt: 0x2000_0000_0FA0, uncertainty: 12_345)),
      Example(
        name: "refusal", header: header(.refusal), message: Refusal(.protocolVersion, detail: 2)),
      Example(name: "ping", header: sequenced(.ping, 9), message: ping),
      Example(name: "pong-zero-page", header: zero, message: ping.pong),
      Example(
        name: "ping-delta", header: delta, message: ping,
        lines: Array(repeating: 0x11, count: 64) + Array(repeating: 0x22, count: 64)),
      Example(name: "ping-first-fragment", header: first, message: ping, lines: Array(0..<64)),
      Example(
        name: "coherence-request", header: sequenced(.coherence, 0x0D), message: CoherenceBody(request)),
      Example(
        name: "coherence-forward", header: sequenced(.coherence, 0x0E), message: CoherenceBody(forward)),
      Example(
        name: "coherence-data", header: changes, message: CoherenceBody(data),
        lines: Array(repeating: 0x33, count: 64)),
      Example(
        name: "adoption", header: sequenced(.adoption, 0x10), message: Adoption(page: 0x1_2345)),
      Example(name: "ping-last-fragment", header: last, message: nil, lines: Array(64..<128)),
    ] + guestExamples
  }

  private static var guestExamples: [Example] {
    let access = DeviceAccess(space: .port, isWrite: true, width: 2, address: 0xCF8, value: 0x1234)
    let messages: [(name: String, message: GuestMessage)] = [
      (
        "guest-plan",
        .plan(ramSize: 3 << 30, frequency: 2_400_000_000, startTime: 0x2000_0000_0000)
      ),
      ("guest-interrupt", .interrupt(vcpu: 9, mode: 0, vector: 0x31, isLevel: true)),
      ("guest-addressing", .addressing(vcpu: 9, model: 3, logicalID: 1 << 9, acceptsVectors: true)),
      ("guest-device", .device(vcpu: 9, access)),
      ("guest-end", .end(reason: 2)),
      ("guest-distance", .distance(node: 2, nanoseconds: 52_000)),
    ]
    return messages.indices.map {
      Example(
        name: messages[$0].name, header: sequenced(.guest, 0x11 + UInt32($0)), message: messages[$0].message)
    }
  }

  @Test func everyKindOfMessageHasAVector() {
    let kinds = Set(Self.examples.map(\.header.kind.rawValue))
    for raw in UInt8.min...UInt8.max where MessageKind(rawValue: raw) != nil { #expect(kinds.contains(raw)) }
  }

  @Test func theSpecificationsVectorsAreWhatIsEncoded() throws {
    let vectors = try TestVectors.read()
    #expect(Set(vectors.keys) == Set(Self.examples.map(\.name)))
    for example in Self.examples {
      let bytes = Self.encode(example)
      #expect(vectors[example.name] == bytes, "\(example.name):\n\(TestVectors.hex(bytes))")
    }
  }

  private static func encode(_ example: Example) -> [UInt8] {
    var header = example.header
    header.bodyCount = example.message?.byteCount ?? 0
    var bytes = [UInt8](repeating: 0xEE, count: header.frameCount)
    var span = bytes.mutableSpan
    header.write(to: &span)
    example.message?.write(to: &span, at: FrameLayout.body)
    for (index, byte) in example.lines.enumerated() { span[header.pageOffset + index] = byte }
    header.seal(&span, using: PortableByteRoutines())
    return bytes
  }

  @Test func theSpecificationsVectorsAreDecodedToWhatTheyMean() throws {
    let vectors = try TestVectors.read()
    for example in Self.examples {
      let bytes = try #require(vectors[example.name])
      let header = try FrameHeader(bytes.span, using: PortableByteRoutines())
      var expected = example.header
      expected.bodyCount = example.message?.byteCount ?? 0
      #expect(header == expected)
      #expect(header.frameCount == bytes.count)
      #expect(Array(bytes[header.pageOffset...]) == example.lines)
      if let message = example.message {
        #expect(try Self.isEqual(message, header, bytes), "\(example.name)")
      }
    }
  }

  private static func isEqual(_ message: any WireMessage, _ header: FrameHeader, _ bytes: [UInt8]) throws
    -> Bool
  {
    switch message {
    case let message as Announcement: try Announcement(header, in: bytes.span) == message
    case let message as View: try View(header, in: bytes.span) == message
    case let message as Heartbeat: try Heartbeat(header, in: bytes.span) == message
    case let message as ClockRequest: try ClockRequest(header, in: bytes.span) == message
    case let message as ClockReply: try ClockReply(header, in: bytes.span) == message
    case let message as Refusal: try Refusal(header, in: bytes.span) == message
    case let message as CoherenceBody: try CoherenceBody(header, in: bytes.span) == message
    case let message as GuestMessage: try GuestMessage(header, in: bytes.span) == message
    case let message as Adoption: try Adoption(header, in: bytes.span) == message
    case let message as Ping: try Ping(header, in: bytes.span) == message
    default: false
    }
  }
}
