import Ethernet

/// One link as its table keeps it, but for the slots of its messages.
///
/// Slots are counted from the first that the link ever used; slot n stands at n modulo their number in its part of the
/// table's array.
struct Link {
  var peer = Peer(id: .none, incarnation: .none, address: MACAddress(0))
  var isOpen = false
  /// The own incarnation that the link is, or last was, open for.
  var localIncarnation = Incarnation.none
  /// What all headers to the peer have in common.
  private var header = FrameHeader(
    destination: MACAddress(0), source: MACAddress(0), kind: .acknowledgement)

  var sending: Sending
  var receiving = Receiving(start: SequenceNumber(0))
  var counters = LinkCounters()
  var lastHeard = Instant(nanoseconds: 0)
  /// Frames that no correct peer sends, since the last good one.
  var violationCount = 0

  private let options: LinkOptions
  /// Where the slots stand in the array.
  private let slotBase: Int
  private let slotMask: Int
  /// The oldest slot in use. From here to `acknowledgedSlot` are messages that are done but whose page is not released.
  private(set) var firstSlot = 0
  private(set) var acknowledgedSlot = 0
  /// The slot that the next frame is from.
  private(set) var nextSlot = 0
  private(set) var endSlot = 0

  /// A link breaks at so many violations: one may be an error that the checksum missed.
  static var violationLimit: Int { 16 }

  /// - Parameter index: the link's place in its table.
  init(_ index: Int, _ options: LinkOptions) {
    self.options = options
    sending = Sending(options)
    slotBase = index * options.messageCount
    slotMask = options.messageCount - 1
  }

  /// What its table has to know of a link.
  struct Status {
    /// Whether it has a frame to send.
    var isReady: Bool
    /// Whether its oldest slot waits for the release of its page.
    var isReleasing: Bool
    /// When it has to be looked at, if nothing comes before.
    var deadline: Instant
  }

  var status: Status {
    Status(
      isReady: isOpen && (sending.isReady || receiving.mustAcknowledge), isReleasing: isReleasing,
      deadline: isOpen ? min(sending.deadline, receiving.deadline) : .never)
  }

  private var isReleasing: Bool { firstSlot < acknowledgedSlot }

  var usedSlotCount: Int { endSlot - firstSlot }

  /// Where slot `number` stands in the array.
  func place(_ number: Int) -> Int { slotBase + number & slotMask }

  /// Starts anew with another incarnation at one of the ends. Slots that wait for their release stay.
  mutating func open(_ peer: Peer, for local: LocalNode, at now: Instant) {
    self.peer = peer
    isOpen = true
    localIncarnation = local.incarnation
    header = FrameHeader(destination: peer.address, source: local.address, kind: .acknowledgement)
    header.sender = local.id
    header.senderIncarnation = local.incarnation
    header.cluster = local.cluster
    header.receiver = peer.id
    header.receiverIncarnation = peer.incarnation
    sending = Sending(options)
    receiving = Receiving(start: options.firstSequence)
    counters = LinkCounters()
    lastHeard = now
    violationCount = 0
  }

  /// Gives up what has not been acknowledged.
  mutating func close(_ slots: [SendSlot]) {
    isOpen = false
    acknowledgedSlot = endSlot
    nextSlot = endSlot
    freeSlots(slots)
  }

  // MARK: Sending

  /// Takes a message, for which there is room.
  ///
  /// - Returns: bytes of its frames.
  @inline(__always)
  mutating func append(
    _ message: some WireMessage, page: OutgoingPage, epoch: Epoch, _ slots: inout [SendSlot]
  ) -> Int {
    let place = place(endSlot)
    slots[place].set(message, page: page, epoch: epoch, first: sending.end)
    sending.append(frameCount: slots[place].frameCount)
    endSlot += 1
    counters.messagesSent += 1
    return slots[place].byteCount
  }

  /// The next frame, which counts as sent; there is one. The epoch is that of one without message.
  @inline(__always)
  mutating func nextFrame(
    at now: Instant, _ epoch: Epoch, _ slots: [SendSlot], _ outgoing: inout FrameHeader
  ) -> OutgoingFrame {
    var header = header
    acknowledge(in: &header)
    guard sending.isReady else {
      counters.acknowledgementsSent += 1
      header.epoch = epoch
      outgoing = header
      return OutgoingFrame(page: nil, slot: 0, count: header.frameCount)
    }
    header.sequence = sending.next
    let place = place(nextSlot)
    if slots[place].describe(sending.next, in: &header) { nextSlot += 1 }
    outgoing = header
    let frame = OutgoingFrame(page: slots[place].pageFrame, slot: place, count: header.frameCount)
    if sending.send(at: now, options) {
      counters.retransmissions += 1
      counters.retransmittedBytes += UInt64(frame.count)
    } else {
      counters.framesSent += 1
    }
    return frame
  }

  /// The header of a datagram to the peer.
  mutating func datagramHeader(_ kind: MessageKind, _ epoch: Epoch) -> FrameHeader {
    var header = header
    header.kind = kind
    header.epoch = epoch
    acknowledge(in: &header)
    return header
  }

  /// Acknowledges what has come.
  private mutating func acknowledge(in header: inout FrameHeader) {
    header.acknowledgement = receiving.expected
    header.reportsGap = receiving.reportsGap
    receiving.acknowledge()
  }

  /// Does what is due.
  mutating func expire(at now: Instant) {
    if now >= receiving.deadline { receiving.timeOut() }
    if now >= sending.deadline {
      sending.timeOut()
      counters.timeouts += 1
      nextSlot = acknowledgedSlot
    }
  }

  // MARK: Receiving

  /// Takes a frame of the peer's: its acknowledgement, and where it is the next one of a message, that.
  ///
  /// - Returns: whether it has to be handed on as a message.
  /// - Throws: what no correct peer sends.
  @inline(__always)
  mutating func receive(
    _ header: FrameHeader, at now: Instant, _ slots: inout [SendSlot]
  ) throws(FrameError) -> Bool {
    lastHeard = now
    if let number = header.acknowledgement, header.receiverIncarnation == localIncarnation {
      try acknowledge(number, reportsGap: header.reportsGap, at: now, &slots)
    }
    if header.kind == .acknowledgement { counters.acknowledgementsReceived += 1 }
    return header.kind.isSequenced ? try take(header, at: now) : false
  }

  @inline(__always)
  private mutating func acknowledge(
    _ number: SequenceNumber, reportsGap: Bool, at now: Instant, _ slots: inout [SendSlot]
  ) throws(FrameError) {
    switch sending.acknowledge(number, at: now, options) {
    case .impossible: throw .window
    case .nothingNew: break
    case .arrived:
      while acknowledgedSlot < endSlot, number.distance(from: slots[place(acknowledgedSlot)].end) >= 0 {
        slots[place(acknowledgedSlot)].wasDelivered = true
        acknowledgedSlot += 1
      }
      // An acknowledgement may come from beyond the point to which sending went back.
      nextSlot = max(nextSlot, acknowledgedSlot)
      freeSlots(slots)
    }
    if reportsGap, sending.answerGap(number, at: now, options) {
      counters.gapsHeard += 1
      nextSlot = acknowledgedSlot
    }
  }

  @inline(__always)
  private mutating func take(
    _ header: FrameHeader, at now: Instant
  ) throws(FrameError) -> Bool {
    switch try receiving.accept(header, at: now, options) {
    case .inOrder:
      violationCount = 0
      counters.framesReceived += 1
      if !header.isContinued { counters.messagesReceived += 1 }
      return true
    case .duplicate:
      counters.duplicates += 1
    case .early:
      counters.early += 1
    }
    return false
  }

  // MARK: Releasing

  /// The page of the oldest slot, which waits for its release.
  @inline(__always)
  mutating func release(_ slots: [SendSlot]) -> ReleasedPage {
    let place = place(firstSlot)
    guard isReleasing, let frame = slots[place].pageFrame else { preconditionFailure("no page to release") }
    firstSlot += 1
    freeSlots(slots)
    return ReleasedPage(frame: frame, receiver: peer.id, wasDelivered: slots[place].wasDelivered)
  }

  /// Frees the oldest slots that are done, up to one whose page has to be released first.
  @inline(__always)
  private mutating func freeSlots(_ slots: [SendSlot]) {
    while firstSlot < acknowledgedSlot, slots[place(firstSlot)].pageFrame == nil { firstSlot += 1 }
  }
}
