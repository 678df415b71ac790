import Memory
import Wire

extension HomePage {
  /// Starts the transaction that `request` asks for, or answers at once. False: no correct node asks for it.
  package mutating func begin(
    _ request: HomeRequest, _ sharers: inout NodeSet, _ context: HomeContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) -> Bool {
    if rules.breaks(.blockWhileBusy) {
      if state == .busyShared { state = .shared }
      if state == .busyExclusive { state = .exclusive }
    }
    switch request.kind {
    case .getShared: return share(request, &sharers, context, &out, rules)
    case .getExclusive: return give(request, &sharers, context, &out, rules)
    case .upgrade:
      if state == .shared, sharers.contains(request.node) || rules.breaks(.checkUpgradeStillHolds) {
        grant(request, &sharers, context, &out, rules)
        return true
      }
      // The copy was lost on the way.
      return give(request, &sharers, context, &out, rules)
    case .put: return take(request, &sharers, context, &out, rules)
    default: return false
    }
  }

  private mutating func share(
    _ request: HomeRequest, _ sharers: inout NodeSet, _ context: HomeContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) -> Bool {
    switch state {
    case .untouched, .held: supply(request, &sharers, context, &out, rules)
    case .shared, .exclusive:
      guard !sharers.contains(request.node) else { return false }
      var forward = CoherenceMessage(.forwardShared, context.page)
      forward.requester = request.node
      forward.known = request.known
      out.send(forward, to: supplier(sharers, for: request.node, context))
      if !rules.breaks(.recordSharer) { sharers.insert(request.node) }
      state = .busyShared
      requester = request.node
    default: return false
    }
    return true
  }

  private mutating func give(
    _ request: HomeRequest, _ sharers: inout NodeSet, _ context: HomeContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) -> Bool {
    switch state {
    case .untouched, .held: supply(request, &sharers, context, &out, rules)
    case .shared, .exclusive:
      guard !sharers.contains(request.node) else { return false }
      let supplier = supplier(sharers, for: request.node, context)
      if !rules.breaks(.supplierIsNotCounted) { sharers.remove(supplier) }
      var forward = CoherenceMessage(.forwardExclusive, context.page)
      forward.requester = request.node
      forward.known = request.known
      forward.acknowledgements = UInt16(sharers.count)
      sharers.remove(supplier)
      out.send(forward, to: supplier)
      invalidate(sharers, for: request.node, context, &out, rules)
      own(request.node, &sharers)
    default: return false
    }
    return true
  }

  /// Lets a sharer write.
  private mutating func grant(
    _ request: HomeRequest, _ sharers: inout NodeSet, _ context: HomeContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) {
    sharers.remove(request.node)
    var grant = CoherenceMessage(.grant, context.page)
    grant.acknowledgements = UInt16(sharers.count)
    if rules.breaks(.countAcknowledgements), !sharers.isEmpty { grant.acknowledgements -= 1 }
    out.send(grant, to: request.node)
    invalidate(sharers, for: request.node, context, &out, rules)
    own(request.node, &sharers)
  }

  private func invalidate(
    _ sharers: NodeSet, for requester: NodeID, _ context: HomeContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) {
    var message = CoherenceMessage(.invalidate, context.page)
    message.requester = requester
    var next = sharers.first()
    while let sharer = next {
      if rules.breaks(.invalidateAll), sharers.first(from: sharer.index + 1) == nil {
        // Forgotten, though counted as if it had answered.
        out.send(CoherenceMessage(.invalidated, context.page), to: requester)
      } else {
        out.send(message, to: sharer)
      }
      next = sharers.first(from: sharer.index + 1)
    }
  }

  /// Sends what the home has: a page that is in no cache becomes its reader's, or writer's, own.
  private mutating func supply(
    _ request: HomeRequest, _ sharers: inout NodeSet, _ context: HomeContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) {
    var data = CoherenceMessage(.data, context.page)
    data.isExclusive = true
    if state == .untouched {
      data.content = .zero
      data.version = version
    } else {
      data.describe(version, to: request.node == context.local ? .none : request.known, rules)
    }
    out.send(data, to: request.node)
    own(request.node, &sharers)
  }

  private mutating func own(_ node: NodeID, _ sharers: inout NodeSet) {
    sharers = NodeSet()
    sharers.insert(node)
    state = .busyExclusive
    requester = node
  }

  /// Who is to send its copy: the home if it has one, since that saves a hop; else one that follows the requester.
  private func supplier(_ sharers: NodeSet, for requester: NodeID, _ context: HomeContext) -> NodeID {
    if sharers.contains(context.local) { return context.local }
    var node = requester
    for _ in 0...context.supplierOffset {
      node = sharers.first(from: node.index + 1) ?? sharers.first() ?? context.local
    }
    return node
  }

  private mutating func take(
    _ request: HomeRequest, _ sharers: inout NodeSet, _ context: HomeContext, _ out: inout Outbox,
    _ rules: some ProtocolRules
  ) -> Bool {
    guard !state.isBusy else { return false }
    let isHolder = sharers.contains(request.node) && state != .untouched && state != .held
    var reply = CoherenceMessage(.void, context.page)
    if !isHolder, !rules.breaks(.voidStalePut) {
      out.send(reply, to: request.node)
      return true
    }
    let isLast = sharers.count == 1 && isHolder
    if !isLast || (state == .shared && rules.breaks(.keepLastSharedCopy)) {
      if !rules.breaks(.forgetDroppedSharer) { sharers.remove(request.node) }
      reply.kind = .drop
    } else if state == .exclusive, rules.breaks(.keepOwnedCopy) {
      sharers = NodeSet()
      state = .untouched
      reply.kind = .give
    } else if request.node == context.local || !(context.hasRoom || context.known != .none) {
      reply.kind = .keep
    } else {
      reply.kind = .give
      reply.known = context.known
      sharers = NodeSet()
      state = .busyPut
      requester = request.node
      out.add(.needFrame(context.page))
    }
    out.send(reply, to: request.node)
    return true
  }
}
