import Memory
import Wire

extension CachePage {
  /// Handles an event of the node itself. False: it can't occur in this state.
  ///
  /// - Parameter holdsPin: of a fault, whether who faults holds a pin on the page already.
  package mutating func handle(
    _ event: LocalEvent, holdsPin: Bool, _ context: PageContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) -> Bool {
    switch event {
    case .readFault: fault(.read, holdsPin, context, &out, rules)
    case .writeFault: fault(.write, holdsPin, context, &out, rules)
    case .release: unpin(all: false, context, &out, rules)
    case .expire: unpin(all: true, context, &out, rules)
    case .evict: return evict(context, &out, rules)
    case .forget:
      guard state == .invalid, hasStaleCopy else { return false }
      hasStaleCopy = false
      out.add(.freeFrame(context.page))
    case .shotDown:
      guard state.isShootingDown else { return false }
      shotDown(context, &out, rules)
    }
    return true
  }

  private mutating func fault(
    _ access: PageAccess, _ holdsPin: Bool, _ context: PageContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) {
    if permits(access) { return resume(holdsPin, context, &out) }
    if state == .exclusive {
      beginWriting(context, &out, rules)
      return resume(holdsPin, context, &out)
    }
    // Who waits for a page must not keep it from others who are before.
    if holdsPin { unpin(all: false, context, &out, rules) }
    switch state {
    case .invalid:
      state = access == .read ? .reading : .writing
      acknowledgements = 0
      out.add(.needFrame(context.page))
      ask(access == .read ? .getShared : .getExclusive, known: known, context, &out)
    case .shared where deferred == .nothing:
      state = .upgrading
      acknowledgements = 0
      ask(.upgrade, known: version, context, &out)
    default:
      isAwaited = true
    }
  }

  private func ask(
    _ kind: CoherenceMessage.Kind, known: PageVersion, _ context: PageContext, _ out: inout Outbox
  ) {
    var message = CoherenceMessage(kind, context.page)
    message.known = known
    out.send(message, to: context.home)
  }

  /// Settles a fault. It gets a pin, unless others wait for the page already.
  private mutating func resume(_ holdsPin: Bool, _ context: PageContext, _ out: inout Outbox) {
    if holdsPin, pins > 0 { return out.add(.resume(context.page, isPinned: true)) }
    let isPinned = deferred == .nothing && pins < .max
    if isPinned { pins += 1 }
    out.add(.resume(context.page, isPinned: isPinned))
  }

  /// Makes an exclusive copy a modified one.
  mutating func beginWriting(_ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules) {
    if !rules.breaks(.raiseVersion) { version = version.next }
    state = .modified
    out.add(.beginVersion(context.page, version))
    out.add(.map(context.page, .write))
  }

  private mutating func unpin(
    all: Bool, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) {
    guard pins > 0 else { return }
    pins = all ? 0 : pins - 1
    guard pins == 0, deferred != .nothing, !rules.breaks(.serveAfterPin) else { return }
    yield(context, &out, rules)
  }

  private mutating func evict(
    _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) -> Bool {
    guard canEvict else { return false }
    if rules.breaks(.unmapBeforePut) {
      state = state == .shared ? .puttingShared : .puttingModified
      out.send(CoherenceMessage(.put, context.page), to: context.home)
      return true
    }
    switch state {
    case .shared: state = .leavingShared
    case .exclusive: state = .leavingExclusive
    default: state = .leavingModified
    }
    out.add(.unmap(context.page))
    return true
  }

  /// Whether `evict` can begin.
  public var canEvict: Bool {
    switch state {
    case .shared, .exclusive, .modified: pins == 0
    default: false
    }
  }

  /// Starts to do what is deferred: takes the permission away that stands against it.
  mutating func yield(_ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules) {
    switch state {
    case .modified where deferred == .share:
      if rules.breaks(.downgradeBeforeSharing) {
        answer(context, &out, rules)
        state = .shared
        return
      }
      state = .downgrading
      out.add(.protect(context.page))
    case .upgrading:
      state = .upgradeLosing
      out.add(.unmap(context.page))
    default:
      state = .losing
      out.add(.unmap(context.page))
    }
    if rules.breaks(.acknowledgeAfterShootdown), deferred == .acknowledge { answer(context, &out, rules) }
    if rules.breaks(.giveAfterShootdown), deferred == .give { answer(context, &out, rules) }
  }

  /// No core has the old translation any more.
  private mutating func shotDown(_ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules) {
    let isShare = deferred == .share
    let wasDeferred = deferred != .nothing
    answer(context, &out, rules)
    switch state {
    case .downgrading:
      state = .shared
      retry(context, &out, rules)
    case .upgradeLosing:
      // The upgrade has told the home of this copy.
      hasStaleCopy = true
      state = .writing
    case .losing:
      if rules.breaks(.giveMakesInvalid) {
        state = .shared
        return
      }
      becomeInvalid(keepingCopy: context.keepsStaleCopies, context, &out, rules)
    case .leavingShared, .leavingExclusive, .leavingModified:
      if wasDeferred, !isShare {
        return becomeInvalid(keepingCopy: false, context, &out, rules)
      }
      if isShare || state == .leavingShared {
        state = .puttingShared
      } else {
        state = state == .leavingExclusive ? .puttingExclusive : .puttingModified
      }
      out.send(CoherenceMessage(.put, context.page), to: context.home)
    default: break
    }
  }

  mutating func becomeInvalid(
    keepingCopy: Bool, _ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules
  ) {
    state = .invalid
    hasStaleCopy = keepingCopy
    if !keepingCopy, !rules.breaks(.freeDroppedFrame) { out.add(.freeFrame(context.page)) }
    retry(context, &out, rules)
  }

  /// Tells the faults that had to wait.
  mutating func retry(_ context: PageContext, _ out: inout Outbox, _ rules: some ProtocolRules) {
    guard isAwaited else { return }
    isAwaited = false
    if !rules.breaks(.retryWaitingFaults) { out.add(.retry(context.page)) }
  }
}
