import Ethernet

extension FrameHeader {
  /// The header of `frame`, once all of the frame has been found to be well formed. Bytes behind its length are
  /// ignored: some interfaces pad.
  @inline(__always)
  public init(_ frame: Span<UInt8>, using routines: borrowing some ByteRoutines & ~Copyable)
    throws(FrameError)
  {
    guard frame.count >= FrameLayout.version else { throw .short }
    guard frame[FrameLayout.etherTypeOffset] == UInt8(FrameLayout.etherType >> 8),
      frame[FrameLayout.etherTypeOffset + 1] == UInt8(FrameLayout.etherType & 0xFF)
    else { throw .etherType }
    guard frame.count >= FrameLayout.body else { throw .short }
    guard frame.count <= FrameLayout.maximumFrameCount else { throw .long }
    let length = Int(frame.uint16(at: FrameLayout.length))
    let end = FrameLayout.version + length
    guard end >= FrameLayout.body, end <= frame.count else { throw .length }
    let bytes = frame.extracting(first: end)
    guard frame.uint32(at: FrameLayout.checksum) == Self.checksum(of: bytes, using: routines)
    else {
      throw .checksum
    }
    let version = frame[FrameLayout.version]
    guard version == FrameLayout.currentVersion || frame[FrameLayout.kind] == MessageKind.refusal.rawValue
    else {
      throw .version
    }
    guard let kind = MessageKind(rawValue: frame[FrameLayout.kind]) else { throw .kind }

    self.init(
      destination: frame.macAddress(at: FrameLayout.destination),
      source: frame.macAddress(at: FrameLayout.source), kind: kind)
    self.version = version
    sender = NodeID(frame.uint16(at: FrameLayout.sender))
    receiver = NodeID(frame.uint16(at: FrameLayout.receiver))
    cluster = ClusterID(frame.uint32(at: FrameLayout.cluster))
    senderIncarnation = Incarnation(frame.uint32(at: FrameLayout.senderIncarnation))
    receiverIncarnation = Incarnation(frame.uint32(at: FrameLayout.receiverIncarnation))
    epoch = Epoch(frame.uint32(at: FrameLayout.epoch))
    sequence = SequenceNumber(frame.uint32(at: FrameLayout.sequence))
    bodyCount = Int(frame.uint16(at: FrameLayout.bodyCount))
    let flags = FrameFlags(rawValue: frame[FrameLayout.flags])
    let lines = PageLines(rawValue: frame.uint64(at: FrameLayout.pageLines))
    guard flags.unknownBits == 0, frame[FrameLayout.reserved] == 0,
      frame.uint64(at: FrameLayout.tag) == 0,
      frame.uint64(at: FrameLayout.tag + 8) == 0
    else { throw .reserved }
    try setAcknowledgement(SequenceNumber(frame.uint32(at: FrameLayout.acknowledgement)), flags)
    try setPage(lines, flags)
    guard frameCount == end else { throw .layout }
  }

  @inline(__always)
  private mutating func setAcknowledgement(
    _ number: SequenceNumber, _ flags: FrameFlags
  ) throws(FrameError) {
    if flags.contains(.acknowledges) {
      acknowledgement = number
      reportsGap = flags.contains(.gap)
    } else if flags.contains(.gap) || number.value != 0 {
      throw .layout
    }
  }

  @inline(__always)
  private mutating func setPage(_ lines: PageLines, _ flags: FrameFlags) throws(FrameError) {
    isContinuation = flags.contains(.continues)
    isContinued = flags.contains(.more)
    switch (flags.contains(.pageLines), flags.contains(.zeroPage)) {
    case (true, true): throw .layout
    case (true, false): page = .lines(lines)
    case (false, true): page = .zero
    case (false, false): page = .none
    }
    if page != .lines(lines), !lines.isEmpty { throw .layout }
    // Only lines are ever too many for one frame, and only a message on a link may have several.
    if isContinuation || isContinued, lines.isEmpty { throw .layout }
    if isContinuation, bodyCount != 0 { throw .layout }
    if kind.isSequenced {
      if bodyCount > FrameLayout.maximumLinkBodyCount { throw .layout }
    } else if page != .none {
      throw .layout
    }
  }
}
