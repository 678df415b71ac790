import Ethernet

/// What stands in front of a frame's body.
///
/// Nearly all fields are kept as they stand in the frame, in words of eight bytes: so a header is read, written and copied
/// in few instructions, and nobody pays for fields that are not asked for.
public struct FrameHeader: Equatable, Sendable {
  /// From the lowest bit on: the destination's six bytes, the first two of the source.
  var addresses: UInt64 = 0
  /// The other four bytes of the source.
  var sourceEnd: UInt32 = 0
  public var version = FrameLayout.currentVersion
  public var kind: MessageKind
  /// From the lowest bit on: sender (16 bits), receiver (16), cluster (32).
  var parties: UInt64 = 0xFFFF_FFFF
  /// Incarnations of sender (32) and receiver (32).
  var incarnations: UInt64 = 0
  /// Epoch (32), sequence number (32).
  var order: UInt64 = 0
  /// Acknowledgement (32), bytes of the body (16), flags (8), and a byte of zeros.
  var content: UInt64 = 0
  /// Which lines of a page follow the body.
  var lines = PageLines()

  public init(destination: MACAddress, source: MACAddress, kind: MessageKind) {
    self.kind = kind
    self.destination = destination
    self.source = source
  }

  /// A header whose other fields have yet to be read.
  init(kind: MessageKind, version: UInt8) {
    self.kind = kind
    self.version = version
  }

  public var destination: MACAddress {
    get { MACAddress(addresses.byteSwapped &>> 16) }
    set { addresses = addresses & 0xFFFF &<< 48 | (newValue.value &<< 16).byteSwapped }
  }

  public var source: MACAddress {
    get { MACAddress((addresses &>> 48 | UInt64(sourceEnd) &<< 16).byteSwapped &>> 16) }
    set {
      let bytes = (newValue.value &<< 16).byteSwapped
      addresses = addresses & ~(0xFFFF &<< 48) | bytes &<< 48
      sourceEnd = UInt32(truncatingIfNeeded: bytes &>> 16)
    }
  }

  public var sender: NodeID {
    get { NodeID(parties.bits(from: 0)) }
    set { parties.setBits(from: 0, to: newValue.value) }
  }

  public var receiver: NodeID {
    get { NodeID(parties.bits(from: 16)) }
    set { parties.setBits(from: 16, to: newValue.value) }
  }

  public var cluster: ClusterID {
    get { ClusterID(parties.bits(from: 32)) }
    set { parties.setBits(from: 32, to: newValue.value) }
  }

  public var senderIncarnation: Incarnation {
    get { Incarnation(incarnations.bits(from: 0)) }
    set { incarnations.setBits(from: 0, to: newValue.value) }
  }

  public var receiverIncarnation: Incarnation {
    get { Incarnation(incarnations.bits(from: 32)) }
    set { incarnations.setBits(from: 32, to: newValue.value) }
  }

  /// The sender's epoch when the message was sent for the first time.
  public var epoch: Epoch {
    get { Epoch(order.bits(from: 0)) }
    set { order.setBits(from: 0, to: newValue.value) }
  }

  /// Number of this frame on its link; of no meaning in a datagram.
  public var sequence: SequenceNumber {
    get { SequenceNumber(order.bits(from: 32)) }
    set { order.setBits(from: 32, to: newValue.value) }
  }

  /// The number of the frame that the sender waits for: it has all before. nil where it has no link to the receiver.
  public var acknowledgement: SequenceNumber? {
    get { flags.contains(.acknowledges) ? SequenceNumber(content.bits(from: 0)) : nil }
    set {
      content.setBits(from: 0, to: newValue?.value ?? 0)
      set(.acknowledges, to: newValue != nil)
    }
  }

  /// Whether frames from behind the acknowledged ones have come, so that some in between are missing.
  public var reportsGap: Bool {
    get { flags.contains(.gap) }
    set { set(.gap, to: newValue) }
  }

  /// Below 2¹⁶.
  public var bodyCount: Int {
    get { Int(content.bits(from: 32) as UInt16) }
    set { content.setBits(from: 32, to: UInt16(newValue)) }
  }

  /// What this frame, one fragment of the message, has of a page.
  public var page: PageContent {
    get { flags.contains(.pageLines) ? .lines(lines) : flags.contains(.zeroPage) ? .zero : .none }
    set {
      lines = newValue.lines
      set(.pageLines, to: newValue.hasLines)
      set(.zeroPage, to: newValue == .zero)
    }
  }

  /// Whether the frame continues the message of the frame before it; then it has lines and no body.
  public var isContinuation: Bool {
    get { flags.contains(.continues) }
    set { set(.continues, to: newValue) }
  }

  /// Whether the next frame continues this one's message.
  public var isContinued: Bool {
    get { flags.contains(.more) }
    set { set(.more, to: newValue) }
  }

  var flags: FrameFlags { FrameFlags(rawValue: UInt8(truncatingIfNeeded: content &>> 48)) }

  @inline(__always)
  private mutating func set(_ flag: FrameFlags, to isSet: Bool) {
    let bit = UInt64(flag.rawValue) &<< 48
    content = isSet ? content | bit : content & ~bit
  }

  /// Where the lines of the page start in the frame.
  public var pageOffset: Int { FrameLayout.body &+ bodyCount }

  /// Where the body stands in the frame.
  public var bodyRange: Range<Int> { FrameLayout.body..<pageOffset }

  /// Bytes of the whole frame, without its FCS.
  public var frameCount: Int {
    lines.isEmpty ? pageOffset : pageOffset &+ lines.count &* PageLines.lineSize
  }

  /// Where each line of the page stands in the frame and belongs in the page.
  public var pageRuns: PageRuns { PageRuns(lines, frameOffset: pageOffset) }
}
