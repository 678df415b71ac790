import Ethernet
import Memory

/// A message that is kept until it is acknowledged.
struct SendSlot {
  var kind = MessageKind.acknowledgement
  var epoch = Epoch(0)
  var page = OutgoingPage.none
  /// The number of its first frame.
  private(set) var first = SequenceNumber(0)
  private(set) var frameCount = 0
  var wasDelivered = false
  private(set) var bodyCount = 0
  private(set) var body = InlineArray<128, UInt8>(repeating: 0)

  @inline(__always)
  mutating func set(_ message: some WireMessage, page: OutgoingPage, epoch: Epoch, first: SequenceNumber) {
    kind = message.kind
    bodyCount = message.byteCount
    precondition(kind.isSequenced && bodyCount <= FrameLayout.maximumLinkBodyCount)
    self.page = page
    self.epoch = epoch
    self.first = first
    wasDelivered = false
    frameCount = Self.frameCount(page.content, bodyCount: bodyCount)
    var bytes = body.mutableSpan
    message.write(to: &bytes, at: 0)
  }

  @inline(__always)
  func copyBody(
    to frame: inout MutableSpan<UInt8>, using routines: borrowing some ByteRoutines & ~Copyable
  ) {
    routines.copy(body.span.extracting(first: bodyCount), to: &frame, at: FrameLayout.body)
  }

  /// The frame of the page's contents that the link still needs, if any.
  var pageFrame: HostPhysicalAddress? {
    if case .lines(_, let frame) = page { frame } else { nil }
  }

  /// Behind the number of its last frame.
  var end: SequenceNumber { first + frameCount }

  /// Of all its frames.
  @inline(__always)
  var byteCount: Int {
    frameCount * FrameLayout.body + bodyCount + page.content.lines.count * PageLines.lineSize
  }

  /// Fills in what frame `number` carries.
  ///
  /// - Returns: whether it is the message's last one.
  @inline(__always)
  func describe(_ number: SequenceNumber, in header: inout FrameHeader) -> Bool {
    let index = number.distance(from: first)
    header.kind = kind
    header.epoch = epoch
    header.bodyCount = index == 0 ? bodyCount : 0
    header.isContinuation = index > 0
    header.isContinued = index + 1 < frameCount
    switch page {
    case .none: break
    case .zero: header.page = .zero
    case .lines(let lines, _):
      let before = index == 0 ? 0 : Self.firstCapacity(bodyCount) + (index - 1) * Self.capacity
      let capacity = index == 0 ? Self.firstCapacity(bodyCount) : Self.capacity
      header.page = .lines(lines.part(from: before, count: capacity))
    }
    return index + 1 == frameCount
  }

  private static func firstCapacity(_ bodyCount: Int) -> Int {
    FrameLayout.lineCapacity(bodyCount: bodyCount)
  }
  private static var capacity: Int { FrameLayout.lineCapacity(bodyCount: 0) }

  private static func frameCount(_ content: PageContent, bodyCount: Int) -> Int {
    guard case .lines(let lines) = content else { return 1 }
    let rest = lines.count - firstCapacity(bodyCount)
    return rest <= 0 ? 1 : 1 + (rest + capacity - 1) / capacity
  }
}
