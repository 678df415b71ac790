// Frames are numbered in the order in which messages are taken. Of the numbers from `acknowledged` to `end`, those
// below `next` have been sent and wait for their acknowledgement. To send again is to set `next` back: all frames from
// the first missing one on go out again, for the receiver keeps none that comes early
// (docs/decisions/links-go-back.md).

/// The sending half of a link: numbers and times; the messages themselves are in the slots of the table.
struct Sending {
  /// All frames below have arrived.
  private(set) var acknowledged: SequenceNumber
  /// The frame that is sent next.
  private(set) var next: SequenceNumber
  /// Behind the last frame that was ever sent.
  private(set) var highest: SequenceNumber
  /// Behind the last frame of the last message.
  private(set) var end: SequenceNumber

  /// Frames that may be on their way: the window, less after losses.
  private(set) var allowance: Int
  /// When everything from `acknowledged` on is sent again.
  private(set) var deadline = Instant.never
  private(set) var roundTripTime = RoundTripTime()
  /// The frame whose acknowledgement gives the next measurement, and when it was sent.
  private var timed: (frame: SequenceNumber, sentAt: Instant)?
  /// The gap that was answered last.
  private(set) var answeredGap: SequenceNumber?

  init(_ options: LinkOptions) {
    allowance = options.window
    acknowledged = options.firstSequence
    next = options.firstSequence
    highest = options.firstSequence
    end = options.firstSequence
  }

  /// Whether a frame may be sent now.
  var isReady: Bool { next != end && next.distance(from: acknowledged) < allowance }

  /// Numbers the frames of one more message.
  mutating func append(frameCount: Int) { end = end + frameCount }

  /// Frame `next` is sent.
  ///
  /// - Returns: whether it was sent before.
  @inline(__always)
  mutating func send(at now: Instant, _ options: LinkOptions) -> Bool {
    let isRepeated = next.distance(from: highest) < 0
    // Of a frame that was sent twice nobody knows which one is acknowledged (Karn's algorithm).
    if !isRepeated, timed == nil { timed = (next, now) }
    next = next + 1
    if !isRepeated { highest = next }
    if deadline == .never { deadline = now + roundTripTime.timeout(options) }
    return isRepeated
  }

  /// What an acknowledgement meant.
  enum Outcome {
    /// More frames have arrived.
    case arrived
    case nothingNew
    /// It acknowledges what was never sent.
    case impossible
  }

  /// The peer has all frames below `number`.
  @inline(__always)
  mutating func acknowledge(_ number: SequenceNumber, at now: Instant, _ options: LinkOptions) -> Outcome {
    let count = number.distance(from: acknowledged)
    // An old one that was overtaken, or nothing new.
    guard count > 0 else { return .nothingNew }
    guard number.distance(from: highest) <= 0 else { return .impossible }
    acknowledged = number
    if next.distance(from: number) < 0 { next = number }
    if let timed, number.distance(from: timed.frame) > 0 {
      roundTripTime.measured(now.since(timed.sentAt))
      self.timed = nil
    }
    allowance = min(allowance + count, options.window)
    deadline = next == number ? .never : now + roundTripTime.timeout(options)
    return .arrived
  }

  /// The peer has got frames from behind `acknowledged`, but not that one.
  ///
  /// - Returns: whether frames are sent again: once for each gap.
  mutating func answerGap(_ number: SequenceNumber, at now: Instant, _ options: LinkOptions) -> Bool {
    guard number == acknowledged, next != acknowledged, answeredGap != number else { return false }
    answeredGap = number
    allowance = max(allowance / 2, 2)
    goBack()
    return true
  }

  /// `deadline` has passed.
  mutating func timeOut() {
    roundTripTime.backOff()
    allowance = 1
    goBack()
  }

  private mutating func goBack() {
    next = acknowledged
    deadline = .never
    timed = nil
  }
}
