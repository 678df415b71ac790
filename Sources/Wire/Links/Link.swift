/// One link as its table keeps it. Slots are counted from the first ever used; slot n stands at n modulo their number.
struct Link {
  var peer = Peer(id: .none, incarnation: .none, address: MACAddress(0))
  var isOpen = false
  /// The own incarnation that the link is, or last was, open for.
  var localIncarnation = Incarnation.none

  var sending: Sending
  var receiving = Receiving(start: SequenceNumber(0))
  var counters = LinkCounters()
  var lastHeard = Instant(nanoseconds: 0)
  /// Frames that no correct peer sends, since the last good one.
  var violationCount = 0

  /// The oldest slot in use. From here to `acknowledgedSlot` are messages that are done but whose page is not released.
  var firstSlot = 0
  var acknowledgedSlot = 0
  /// The slot that the next frame is from.
  var nextSlot = 0
  var endSlot = 0

  /// A link breaks at so many violations: one may be an error that the checksum missed.
  static var violationLimit: Int { 16 }

  init(_ options: LinkOptions) { sending = Sending(options, start: SequenceNumber(0)) }

  var isReady: Bool { isOpen && (sending.isReady || receiving.mustAcknowledge) }

  /// When it has to be looked at, if nothing comes before.
  var deadline: Instant { isOpen ? min(sending.deadline, receiving.deadline) : .never }

  /// Starts anew with another incarnation at one of the ends. Slots that wait for their release stay.
  mutating func open(_ peer: Peer, for local: Incarnation, at now: Instant, _ options: LinkOptions) {
    self.peer = peer
    isOpen = true
    localIncarnation = local
    sending = Sending(options, start: options.firstSequence)
    receiving = Receiving(start: options.firstSequence)
    counters = LinkCounters()
    lastHeard = now
    violationCount = 0
  }

  /// Gives up what has not been acknowledged.
  mutating func close() {
    isOpen = false
    acknowledgedSlot = endSlot
    nextSlot = endSlot
  }
}
