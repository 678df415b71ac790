import Support
import Ethernet
import Memory
import Wire

/// Two nodes with a link between them, and in place of a network the test, which carries frames or does not.
struct LinkPair: ~Copyable {
  enum Side {
    case left, right
  }

  /// A frame on its way, as its sender wrote it.
  struct Carried {
    let header: FrameHeader
    var bytes: [UInt8]
  }

  var left: LinkTable<ProcessorByteRoutines>
  var right: LinkTable<ProcessorByteRoutines>
  var now = Instant(nanoseconds: 1_000_000)

  static let leftPeer = Peer(
    id: NodeID(0), incarnation: Incarnation(10), address: MACAddress(0x02_00_00_00_00_0A))
  static let rightPeer = Peer(
    id: NodeID(1), incarnation: Incarnation(20), address: MACAddress(0x02_00_00_00_00_0B))

  init(_ options: LinkOptions = LinkOptions()) throws {
    left = Self.makeTable(Self.leftPeer, options)
    right = Self.makeTable(Self.rightPeer, options)
    try left.open(Self.rightPeer, at: now)
    try right.open(Self.leftPeer, at: now)
  }

  static func makeTable(
    _ peer: Peer, nodeCount: Int = 4, _ options: LinkOptions = LinkOptions()
  ) -> LinkTable<ProcessorByteRoutines> {
    var local = LocalNode(address: peer.address, incarnation: peer.incarnation, cluster: ClusterID(0))
    local.id = peer.id
    return LinkTable(local: local, nodeCount: nodeCount, options: options, routines: ProcessorByteRoutines())
  }

  static func ping(_ number: UInt32) -> Ping { Ping(number: number, sentAt: Instant(nanoseconds: 0)) }

  mutating func send(_ number: UInt32, page: OutgoingPage = .none, from side: Side) throws {
    switch side {
    case .left: try left.send(Self.ping(number), page: page, to: NodeID(1))
    case .right: try right.send(Self.ping(number), page: page, to: NodeID(0))
    }
  }

  /// All frames that `side` has to send now.
  mutating func frames(from side: Side) -> [Carried] {
    switch side {
    case .left: Self.frames(of: &left, at: now)
    case .right: Self.frames(of: &right, at: now)
    }
  }

  static func frames(of table: inout LinkTable<ProcessorByteRoutines>, at now: Instant) -> [Carried] {
    let page = [UInt8](repeating: 0x5A, count: 4096)
    var frames: [Carried] = []
    while let frame = table.nextFrame(at: now) {
      var bytes = [UInt8](repeating: 0, count: frame.count)
      var span = bytes.mutableSpan
      table.write(frame, page: page.span, to: &span)
      frames.append(Carried(header: table.outgoing, bytes: bytes))
    }
    return frames
  }

  /// Hands `frame` to `side`.
  @discardableResult
  mutating func receive(_ frame: Carried, at side: Side) -> Reception {
    switch side {
    case .left: left.receive(frame.bytes.span, at: now)
    case .right: right.receive(frame.bytes.span, at: now)
    }
  }

  /// Hands over all that `side` has to send.
  ///
  /// - Returns: the numbers of the messages that arrived in full.
  mutating func carry(from side: Side) throws -> [UInt32] {
    var numbers: [UInt32] = []
    for frame in frames(from: side) {
      if case .message(let header) = receive(frame, at: side == .left ? .right : .left), !header.isContinued,
        !header.isContinuation
      {
        numbers.append(try Ping(header, in: frame.bytes.span).number)
      }
    }
    return numbers
  }

  mutating func wait(_ nanoseconds: UInt64) { now = now + nanoseconds }
}

extension LinkPair.Carried {
  /// The frame with another header, and a checksum that fits.
  func changed(_ change: (inout FrameHeader) -> Void) -> LinkPair.Carried {
    var header = header
    change(&header)
    var bytes = bytes
    var span = bytes.mutableSpan
    header.write(to: &span)
    header.seal(&span, using: ProcessorByteRoutines())
    return LinkPair.Carried(header: header, bytes: bytes)
  }
}
