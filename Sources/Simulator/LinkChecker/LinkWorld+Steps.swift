import Coherence
import Memory
import Wire

extension LinkWorld {
  /// Calls `body` with everything that can happen now.
  func forEachStep(_ body: (LinkStep) -> Void) {
    for node in nodes { forEachStep(at: node) { body(LinkStep(kind: $0, node: node.id.index, frame: $1)) } }
  }

  private func forEachStep(at node: LinkNode<Rules>, _ body: (LinkStep.Kind, Int) -> Void) {
    accessSteps(node) { body($0, 0) }
    if node.shootdown != nil { body(.shotDown, 0) }
    if node.mustAcknowledge { body(.acknowledge, 0) }
    if node.waitsForAcknowledgement, isTimeoutDue || earlyTimeoutsLeft > 0,
      configuration.fault != .neverSendsAgain
    {
      body(.timeOut, 0)
    }
    let flights = flights[node.id.index]
    for index in flights.indices
    where index == 0 || (configuration.reorders && flights[index] != flights[index - 1]) {
      body(.deliver, index)
      if duplicatesLeft > 0 { body(.deliverCopy, index) }
      if lossesLeft > 0 { body(.lose, index) }
    }
  }

  /// Reads that need no fault are left out: they change nothing, and what they would read is looked at in every state.
  private func accessSteps(_ node: LinkNode<Rules>, _ body: (LinkStep.Kind) -> Void) {
    switch node.vCPU {
    case .reading, .writing: return
    case .retryingRead, .retryingWrite: return body(.retry)
    case .idle: break
    }
    guard node.accessesLeft > 0 else { return }
    if (node.shootdown ?? node.permission) == .none { body(.read) }
    body(.write)
    if configuration.evicts, node.cached.canEvict { body(.evict) }
    if node.cached.state == .invalid, node.cached.hasStaleCopy { body(.forget) }
  }

  /// Timeouts are long: when one passes, all that was on its way has come, as a rule.
  private var isTimeoutDue: Bool {
    flights.allSatisfy(\.isEmpty) && !nodes.contains(where: \.mustAcknowledge)
  }

  mutating func happen(_ step: LinkStep, at node: LinkNode<Rules>) {
    switch step.kind {
    case .read: begin(.reading, node)
    case .write: begin(.writing, node)
    case .retry: fault(node.vCPU == .retryingRead ? .reading : .writing, node)
    case .evict:
      node.accessesLeft -= 1
      handle(.evict, node)
    case .forget:
      node.accessesLeft -= 1
      // A home may expect the page, and keep its frame for that.
      if node.engine.handle(.forget, on: node.page) { act(node) }
    case .shotDown:
      node.permission = node.shootdown!
      node.shootdown = nil
      handle(.shotDown, node)
    case .deliver: deliver(flights[step.node].remove(at: step.frame), to: node)
    case .deliverCopy:
      duplicatesLeft -= 1
      deliver(flights[step.node][step.frame], to: node)
    case .lose:
      lossesLeft -= 1
      flights[step.node].remove(at: step.frame)
    case .acknowledge: node.now = node.links.acknowledgementDeadline(node.peer)
    case .timeOut:
      if !isTimeoutDue { earlyTimeoutsLeft -= 1 }
      node.now = max(node.now, node.links.retransmissionDeadline(node.peer))
    }
  }

  // MARK: vCPUs

  private mutating func begin(_ access: LinkNode<Rules>.VCPU, _ node: LinkNode<Rules>) {
    node.accessesLeft -= 1
    // During a shootdown some core may still use the old translation.
    if access == .writing, node.permission == .write { return write(node) }
    fault(access, node)
  }

  private mutating func fault(_ access: LinkNode<Rules>.VCPU, _ node: LinkNode<Rules>) {
    node.vCPU = access
    handle(access == .reading ? .readFault : .writeFault, node)
  }

  mutating func handle(_ event: LocalEvent, _ node: LinkNode<Rules>) {
    if !node.engine.handle(event, on: node.page) { fail("the engine refuses \(event)") }
    act(node)
  }

  /// Writes to a line in each of the three frames that a page takes.
  mutating func write(_ node: LinkNode<Rules>) {
    guard let frame = node.frame else { return fail("node \(node.id.index) writes to no frame") }
    writeCount += 1
    let value = writeCount
    latest.change { bytes in
      for line in [0, 30, 63] { bytes[PageLines.lineSize * line] = value }
    }
    node.frames[frame].contents = latest
  }
}
