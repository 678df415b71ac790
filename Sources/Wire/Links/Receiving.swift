// The receiver takes frames in order only. One that comes early is dropped, and the sender hears of the gap at once
// instead of by its timeout; one that comes again is dropped, and acknowledged again, since that is what its sender
// lacks. A first acknowledgement waits: it can nearly always travel with the reply.

/// The receiving half of a link.
struct Receiving {
  /// The frame that is taken next: all before have been.
  private(set) var expected: SequenceNumber
  /// When an acknowledgement is sent at the latest.
  private(set) var deadline = Instant.never
  /// Whether an acknowledgement is to be sent at once.
  private(set) var mustAcknowledge = false
  /// Whether the next acknowledgement reports a gap.
  private(set) var reportsGap = false
  /// Frames taken since the last acknowledgement.
  private(set) var unacknowledgedCount = 0
  /// Whether the gap in front of early frames has been reported.
  private(set) var knowsOfGap = false
  /// The message that is not complete yet.
  private(set) var unfinished: Unfinished?

  struct Unfinished {
    var kind: MessageKind
    var lastLine: UInt64
  }

  /// - Parameter start: the first frame's number, 0 in all but tests.
  init(start: SequenceNumber) { expected = start }

  enum Outcome {
    case inOrder
    case duplicate
    case early
  }

  /// What to do with the frame that has `header`.
  @inline(__always)
  mutating func accept(
    _ header: FrameHeader, at now: Instant, _ options: LinkOptions
  ) throws(FrameError) -> Outcome {
    let distance = header.sequence.distance(from: expected)
    // The peer may have another window, but not one of any size.
    guard distance < Self.distanceLimit else { throw .window }
    if distance < 0 {
      mustAcknowledge = true
      return .duplicate
    }
    if distance > 0 {
      if !knowsOfGap {
        knowsOfGap = true
        reportsGap = true
        mustAcknowledge = true
      }
      return .early
    }
    try assemble(header)
    expected = expected + 1
    knowsOfGap = false
    reportsGap = false
    unacknowledgedCount += 1
    if unacknowledgedCount >= options.acknowledgementCount { mustAcknowledge = true }
    if deadline == .never { deadline = now + options.acknowledgementDelay }
    return .inOrder
  }

  static var distanceLimit: Int { 1 << 16 }

  /// Sees to it that a continuation continues what came before.
  @inline(__always)
  private mutating func assemble(_ header: FrameHeader) throws(FrameError) {
    let lines = header.lines.rawValue
    if let unfinished {
      guard header.isContinuation, header.kind == unfinished.kind,
        UInt64(lines.trailingZeroBitCount) > unfinished.lastLine
      else { throw .fragment }
    } else if header.isContinuation {
      throw .fragment
    }
    unfinished =
      header.isContinued
      ? Unfinished(kind: header.kind, lastLine: UInt64(63 - lines.leadingZeroBitCount)) : nil
  }

  /// `deadline` has passed.
  mutating func timeOut() {
    mustAcknowledge = true
    deadline = .never
  }

  /// A frame with the acknowledgement is sent.
  mutating func acknowledge() {
    mustAcknowledge = false
    reportsGap = false
    deadline = .never
    unacknowledgedCount = 0
  }
}
