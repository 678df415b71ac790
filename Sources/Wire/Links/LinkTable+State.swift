import Memory

// For the model checker, which goes on from one state in several ways. Of a link's state it needs what makes a difference
// to what the link does: neither counters nor clocks, for it lets timers go off whenever they could.

extension LinkTable where Routines: ~Copyable {
  /// A table of its own in the state that `other` is in.
  package init(copying other: borrowing LinkTable, routines: consuming Routines) {
    local = other.local
    options = other.options
    self.routines = routines
    drops = other.drops
    deadline = other.deadline
    outgoing = other.outgoing
    peers = other.peers
    links = other.links
    slots = other.slots
    ready = other.ready
    releasing = other.releasing
    turn = other.turn
  }

  /// When the link's acknowledgement is sent at the latest.
  package func acknowledgementDeadline(_ id: NodeID) -> Instant { links[id.index].receiving.deadline }

  /// When the link sends again what has not been acknowledged.
  package func retransmissionDeadline(_ id: NodeID) -> Instant { links[id.index].sending.deadline }

  /// Calls `body` with words that are the same for two states of the link if it does the same in both, whatever
  /// happens, as long as all of its timeouts are equally long.
  package func forEachWord(ofLinkTo id: NodeID, _ body: (UInt64) -> Void) {
    let link = links[id.index]
    body(link.isOpen ? UInt64(link.violationCount) : .max)
    link.sending.forEachWord(body)
    link.receiving.forEachWord(body)
    body(UInt64(link.acknowledgedSlot - link.firstSlot))
    body(UInt64(link.nextSlot - link.firstSlot))
    body(UInt64(link.usedSlotCount))
    for number in link.firstSlot..<link.firstSlot + link.usedSlotCount {
      slots[link.place(number)].forEachWord(body)
    }
  }
}

extension Sending {
  fileprivate func forEachWord(_ body: (UInt64) -> Void) {
    body(UInt64(acknowledged.value) << 32 | UInt64(next.value))
    body(UInt64(highest.value) << 32 | UInt64(end.value))
    body(UInt64(allowance) << 1 | (deadline == .never ? 1 : 0))
    body(answeredGap.map { UInt64($0.value) } ?? .max)
  }
}

extension Receiving {
  fileprivate func forEachWord(_ body: (UInt64) -> Void) {
    body(UInt64(expected.value) << 32 | UInt64(unacknowledgedCount))
    var flags: UInt64 = deadline == .never ? 1 : 0
    flags |= (mustAcknowledge ? 2 : 0) | (reportsGap ? 4 : 0) | (knowsOfGap ? 8 : 0)
    body(flags)
    body(unfinished.map { UInt64($0.kind.rawValue) << 8 | $0.lastLine } ?? .max)
  }
}

extension SendSlot {
  fileprivate func forEachWord(_ body: (UInt64) -> Void) {
    body(UInt64(kind.rawValue) << 32 | UInt64(epoch.value))
    body(UInt64(first.value) << 32 | UInt64(frameCount) << 1 | (wasDelivered ? 1 : 0))
    switch page {
    case .none: body(0)
    case .zero: body(1)
    case .lines(let lines, let frame):
      body(2)
      body(lines.rawValue)
      body(frame.value)
    }
    body(UInt64(bodyCount))
    for index in 0..<bodyCount { body(UInt64(self.body[index])) }
  }
}
