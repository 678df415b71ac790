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

    self.init(kind: kind, version: version)
    addresses = frame.uint64(at: FrameLayout.destination)
    sourceEnd = frame.uint32(at: FrameLayout.source + 2)
    parties = frame.uint64(at: FrameLayout.sender)
    incarnations = frame.uint64(at: FrameLayout.senderIncarnation)
    order = frame.uint64(at: FrameLayout.epoch)
    content = frame.uint64(at: FrameLayout.acknowledgement)
    lines = PageLines(rawValue: frame.uint64(at: FrameLayout.pageLines))
    guard content & Self.reservedContent == 0,
      frame.uint64(at: FrameLayout.tag) | frame.uint64(at: FrameLayout.tag + 8) == 0
    else { throw .reserved }
    guard hasSensibleAcknowledgement, hasSensiblePage, frameCount == end else { throw .layout }
  }

  /// The bits of `content` that this version wants clear.
  private static var reservedContent: UInt64 { UInt64(FrameFlags.unknownBits) << 48 | 0xFF << 56 }

  private var hasSensibleAcknowledgement: Bool {
    flags.contains(.acknowledges) || !flags.contains(.gap) && content.bits(from: 0) as UInt32 == 0
  }

  @inline(__always)
  private var hasSensiblePage: Bool {
    let flags = flags
    if kind.isSequenced {
      if bodyCount > FrameLayout.maximumLinkBodyCount { return false }
      // The ordinary case
      if flags.isDisjoint(with: .ofPages) { return lines.isEmpty }
    } else if flags.contains(.pageLines) || flags.contains(.zeroPage) {
      return false
    }
    if flags.contains(.pageLines) ? flags.contains(.zeroPage) : !lines.isEmpty { return false }
    // Only lines are ever too many for one frame, and only a message on a link may have several.
    if flags.contains(.continues) || flags.contains(.more), lines.isEmpty { return false }
    return !flags.contains(.continues) || bodyCount == 0
  }
}
