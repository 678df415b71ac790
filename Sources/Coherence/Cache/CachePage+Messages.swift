import Memory
import Wire

extension CachePage {
  /// Handles a message. False: no correct node sends it in this state.
  package mutating func receive(
    _ message: CoherenceMessage, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    switch message.kind {
    case .forwardShared: return share(message, context, &out, rules)
    case .forwardExclusive: return give(message, context, &out, rules)
    case .invalidate: return drop(message, context, &out, rules)
    case .data: return take(message, context, &out, rules)
    case .grant:
      guard state == .upgrading, deferred == .nothing else { return false }
      return expect(message, context, &out, rules)
    case .invalidated: return countAcknowledgement(context, &out, rules)
    case .drop, .give, .keep, .void: return leave(message, context, &out, rules)
    case .getShared, .getExclusive, .upgrade, .put, .unblock, .putData: return false
    }
  }

  // MARK: On behalf of others

  private mutating func share(
    _ message: CoherenceMessage, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    guard deferred == .nothing else { return false }
    switch state {
    case .shared, .upgrading, .puttingShared:
      note(.share, message)
      answer(context, &out, rules)
    case .exclusive:
      note(.share, message)
      answer(context, &out, rules)
      if !rules.breaks(.shareMakesShared) { state = .shared }
    case .puttingExclusive, .puttingModified:
      note(.share, message)
      answer(context, &out, rules)
      if !rules.breaks(.putSharedAfterForward) { state = .puttingShared }
    case .modified:
      note(.share, message)
      if pins == 0 || rules.breaks(.pinHolds) { yield(context, &out, rules) }
    case .leavingShared, .leavingExclusive, .leavingModified:
      note(.share, message)
    default: return false
    }
    return true
  }

  private mutating func give(
    _ message: CoherenceMessage, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    guard deferred == .nothing, message.acknowledgements <= UInt16(UInt8.max) else { return false }
    switch state {
    case .shared, .upgrading, .exclusive, .modified:
      note(.give, message)
      if pins == 0 || rules.breaks(.pinHolds) { yield(context, &out, rules) }
    case .leavingShared, .leavingExclusive, .leavingModified:
      note(.give, message)
    case .puttingShared, .puttingExclusive, .puttingModified:
      note(.give, message)
      loseWhilePutting(context, &out, rules)
    default: return false
    }
    return true
  }

  private mutating func drop(
    _ message: CoherenceMessage, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    guard deferred == .nothing else { return false }
    switch state {
    case .upgrading where rules.breaks(.loseUpgradedCopy):
      note(.acknowledge, message)
      answer(context, &out, rules)
    case .shared, .upgrading:
      note(.acknowledge, message)
      if pins == 0 || rules.breaks(.pinHolds) { yield(context, &out, rules) }
    case .leavingShared:
      note(.acknowledge, message)
    case .puttingShared:
      note(.acknowledge, message)
      loseWhilePutting(context, &out, rules)
    default: return false
    }
    return true
  }

  private mutating func loseWhilePutting(
    _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) {
    answer(context, &out, rules)
    state = .puttingNothing
    out.add(.freeFrame(context.page))
  }

  private mutating func note(_ deferred: Deferred, _ message: CoherenceMessage) {
    self.deferred = deferred
    deferredRequester = message.requester
    deferredKnown = message.known
    deferredAcknowledgements = UInt8(truncatingIfNeeded: message.acknowledgements)
  }

  /// Does what was deferred.
  mutating func answer(_ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules) {
    let requester = deferredRequester
    switch deferred {
    case .nothing: return
    case .acknowledge: out.send(CoherenceMessage(.invalidated, context.page), to: requester)
    case .share, .give:
      var message = CoherenceMessage(.data, context.page)
      message.isExclusive = deferred == .give || rules.breaks(.shareGrantsShared)
      message.acknowledgements = UInt16(deferredAcknowledgements)
      message.describe(version, to: deferredKnown, rules)
      out.send(message, to: requester)
    }
    deferred = .nothing
  }

  // MARK: On the node's own behalf

  private mutating func take(
    _ message: CoherenceMessage, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    guard message.isTakenBy(known: known), message.acknowledgements <= UInt16(UInt8.max) else { return false }
    switch state {
    case .reading where message.acknowledgements == 0:
      accept(message, context, &out)
      state = message.isExclusive ? .exclusive : .shared
      out.add(.map(context.page, .read))
      complete(context, &out, rules)
      return true
    case .writing where message.isExclusive:
      guard
        Int(acknowledgements) + Int(message.acknowledgements) >= 0 || rules.breaks(.waitForAcknowledgements)
      else { return false }
      accept(message, context, &out)
      return expect(message, context, &out, rules)
    default: return false
    }
  }

  private mutating func accept(_ message: CoherenceMessage, _ context: PageContext, _ out: inout Outbox) {
    version = message.version
    hasStaleCopy = false
    if message.content == .zero { out.add(.fillWithZeros(context.page)) }
  }

  /// The page is the node's, to be written when so many have acknowledged.
  private mutating func expect(
    _ message: CoherenceMessage, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    guard message.acknowledgements <= UInt16(UInt8.max) else { return false }
    let open = acknowledgements + Int16(message.acknowledgements)
    guard open >= 0 || rules.breaks(.waitForAcknowledgements) else { return false }
    acknowledgements = open
    if acknowledgements == 0 || rules.breaks(.waitForAcknowledgements) {
      finishWriting(context, &out, rules)
    } else {
      state = .collecting
      if rules.breaks(.unblockAtTheEnd) {
        out.send(CoherenceMessage(.unblock, context.page), to: context.home)
      }
    }
    return true
  }

  private mutating func countAcknowledgement(
    _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    switch state {
    case .modified where rules.breaks(.waitForAcknowledgements): break
    case .writing, .upgrading:
      guard acknowledgements > -Int16(NodeID.limit) else { return false }
      if !rules.breaks(.rememberEarlyAcknowledgements) { acknowledgements -= 1 }
    case .collecting:
      acknowledgements -= 1
      if acknowledgements == 0 { finishWriting(context, &out, rules) }
    default: return false
    }
    return true
  }

  private mutating func finishWriting(
    _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) {
    let hasUnblocked = state == .collecting && rules.breaks(.unblockAtTheEnd)
    beginWriting(context, &out, rules)
    if hasUnblocked {
      out.add(.resume(context.page, isPinned: false))
    } else {
      complete(context, &out, rules)
    }
  }

  /// The request is done: the home may go on, and so may the fault.
  private mutating func complete(
    _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) {
    out.send(CoherenceMessage(.unblock, context.page), to: context.home)
    let isPinned = pins < .max
    if isPinned { pins += 1 }
    out.add(.resume(context.page, isPinned: isPinned))
    retry(context, &out, rules)
  }

  private mutating func leave(
    _ message: CoherenceMessage, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    switch (state, message.kind) {
    case (.puttingShared, .drop):
      becomeInvalid(keepingCopy: false, context, &out, rules)
    case (.puttingShared, .give), (.puttingExclusive, .give), (.puttingModified, .give):
      var data = CoherenceMessage(.putData, context.page)
      data.describe(version, to: message.known, rules)
      out.send(data, to: context.home)
      becomeInvalid(keepingCopy: false, context, &out, rules)
    case (.puttingShared, .keep): stay(.shared, context, &out, rules)
    case (.puttingExclusive, .keep): stay(.exclusive, context, &out, rules)
    case (.puttingModified, .keep): stay(.modified, context, &out, rules)
    case (.puttingNothing, .void):
      state = .invalid
      retry(context, &out, rules)
    default: return false
    }
    return true
  }

  private mutating func stay(
    _ state: CacheState, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) {
    self.state = state
    out.add(.map(context.page, state == .modified ? .write : .read))
    out.add(.kept(context.page))
    retry(context, &out, rules)
  }
}
