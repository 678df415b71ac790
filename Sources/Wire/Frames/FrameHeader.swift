import Ethernet

/// What stands in front of a frame's body.
public struct FrameHeader: Equatable, Sendable {
  public var destination: MACAddress
  public var source: MACAddress
  public var version = FrameLayout.currentVersion
  public var kind: MessageKind
  public var sender = NodeID.none
  public var receiver = NodeID.none
  public var cluster = ClusterID(0)
  public var senderIncarnation = Incarnation.none
  public var receiverIncarnation = Incarnation.none
  /// The sender's epoch when the message was sent for the first time.
  public var epoch = Epoch(0)
  /// Number of this frame on its link; of no meaning in a datagram.
  public var sequence = SequenceNumber(0)
  /// The number of the frame that the sender waits for: it has all before. nil where it has no link to the receiver.
  public var acknowledgement: SequenceNumber?
  /// Whether frames from behind the acknowledged ones have come, so that some in between are missing.
  public var reportsGap = false
  public var bodyCount = 0
  /// What this frame, one fragment of the message, has of a page.
  public var page = PageContent.none
  /// Whether the frame continues the message of the frame before it; then it has lines and no body.
  public var isContinuation = false
  /// Whether the next frame continues this one's message.
  public var isContinued = false

  public init(destination: MACAddress, source: MACAddress, kind: MessageKind) {
    self.destination = destination
    self.source = source
    self.kind = kind
  }

  /// Where the lines of the page start in the frame.
  public var pageOffset: Int { FrameLayout.body + bodyCount }

  /// Where the body stands in the frame.
  public var bodyRange: Range<Int> { FrameLayout.body..<pageOffset }

  /// Bytes of the whole frame, without its FCS.
  public var frameCount: Int {
    switch page {
    case .none, .zero: pageOffset
    case .lines(let lines): pageOffset + lines.count * PageLines.lineSize
    }
  }

  /// Where each line of the page stands in the frame and belongs in the page.
  public var pageRuns: PageRuns {
    switch page {
    case .none, .zero: PageRuns([], frameOffset: pageOffset)
    case .lines(let lines): PageRuns(lines, frameOffset: pageOffset)
    }
  }
}
