import Cluster

extension Simulation {
  /// The longest that the cluster may take to form, that trouble lasts, and that nothing may get done without trouble.
  private static var formationLimit: UInt64 { 20_000_000_000 }
  private static var troubleLimit: UInt64 { 20_000_000_000 }
  private static var standstillLimit: UInt64 { 5_000_000_000 }

  /// Takes what a node's engine says of the cluster.
  func takeEvents(_ node: SimulatedNode) {
    while let event = node.engine.nextEvent() {
      switch event {
      case .formed:
        guard node.engine.id.index == node.index else {
          return fail("node \(node.index) has number \(node.engine.id.value)")
        }
        node.engine.startMemory(options)
        verified[node.index] = -1
        if verified.allSatisfy({ $0 < 0 }) { start() }
      case .suspected, .recovered, .refused, .refusedBy: break
      case .changed, .down, .rebooted, .expelled: fail("node \(node.index): \(event)")
      }
    }
  }

  /// All nodes are members: the vCPUs begin, once the last word on that has been said.
  private func start() {
    phase = .troubled
    startedAt = now + 1_000_000
    lastProgress = startedAt
    verified = [Int](repeating: 0, count: nodes.count)
    for node in nodes {
      for vcpu in node.vcpus.indices {
        events.add(
          .vcpu, at: startedAt + random.below(options.thinkTime + 1), node: node.index, argument: vcpu)
      }
    }
    rates = options.faults.rates(&random)
    if let loss = options.loss { rates.loss = loss }
    statistics.rates = rates
    if let interval = options.faults.troubleInterval {
      events.add(.trouble, at: startedAt + random.below(2 * interval), node: 0)
    }
  }

  /// A vCPU has done all that it had to.
  func finish(_ vcpu: Int, _ node: SimulatedNode) {
    node.vcpus[vcpu].state = .done
    doneVCPUs += 1
    let all = phase == .verifying ? options.runnerCount : options.shape.vcpuCount
    guard doneVCPUs == all else { return }
    if phase == .verifying {
      phase = .done
      return
    }
    heal()
    finishedAt = now
    phase = .verifying
    doneVCPUs = 0
    for node in nodes[..<options.runnerCount] {
      node.vcpus[0].state = .thinking
      events.add(.vcpu, at: now + 1, node: node.index)
    }
  }

  /// Ends all faults.
  private func heal() {
    guard phase == .troubled else { return }
    phase = .healed
    healedAt = now
    statistics.troubledAccesses = statistics.accessCount
    lastProgress = now
    rates = .none
    partition = Partition()
    for node in nodes { node.linkDownUntil = 0 }
  }

  func checkProgress() {
    switch phase {
    case .forming:
      if now > Self.formationLimit { fail("the cluster does not form") }
    case .troubled:
      makeTroubleByProgress()
      let isMostlyDone = options.faults != .none && doneAccesses >= allAccesses / 5 * 4
      let isTimeUp = options.faults.areLimited && now > startedAt + Self.troubleLimit
      if isMostlyDone || isTimeUp { heal() }
      if now > lastProgress + 2 * Self.troubleLimit { fail("nothing gets done: " + stuckText) }
    case .healed, .verifying:
      if now > lastProgress + Self.standstillLimit { fail("nothing gets done: " + stuckText) }
    case .done: break
    }
  }

  /// What is open.
  private var stuckText: String {
    var lines: [String] = []
    for node in nodes {
      for vcpu in node.vcpus.indices where node.vcpus[vcpu].state != .done {
        let state = node.vcpus[vcpu]
        lines.append(
          "node \(node.index) vCPU \(vcpu) is \(state.state), page \(state.access.page) "
            + "\(state.access.isWrite ? "write" : "read") since \(state.faultedAt) ns"
            + (node.putOff.contains(vcpu) ? ", put off" : ""))
      }
    }
    return "at \(now) ns\n" + lines.prefix(20).joined(separator: "\n")
  }
}
