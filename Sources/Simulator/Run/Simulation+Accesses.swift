import Memory

extension Simulation {
  /// A vCPU's time has come.
  func go(on vcpu: Int, _ node: SimulatedNode) {
    switch node.vcpus[vcpu].state {
    case .thinking: runGuest(vcpu, node)
    case .exiting:
      node.vcpus[vcpu].state = .waiting
      let begin = now - costs.exit
      post(
        ServiceJob(work: .fault(vcpu: vcpu), begin: begin, shares: Shares(cpu: costs.exit), postedAt: now),
        node)
    case .entering: reenter(vcpu, node)
    case .waiting, .done: fail("node \(node.index) vCPU \(vcpu) has run while it waits")
    }
  }

  /// Does accesses until one faults, or something else happens first.
  private func runGuest(_ vcpu: Int, _ node: SimulatedNode) {
    while failure == nil {
      guard node.vcpus[vcpu].hasAccess || begin(vcpu, node) else { return finish(vcpu, node) }
      let page = Int(node.vcpus[vcpu].access.page)
      guard permits(vcpu, node) else {
        node.vcpus[vcpu].faultedAt = now
        node.vcpus[vcpu].wasUntouched = reference.touch(page)
        node.vcpus[vcpu].isUpgrade = node.permissions[page] == .read
        node.vcpus[vcpu].isRemote = true
        node.vcpus[vcpu].messageCount = 0
        return exit(vcpu, node)
      }
      if phase < .verifying { statistics.hitCount += 1 }
      perform(vcpu, node)
      let next = now + max(1, options.thinkTime)
      guard next < events.nextTime else {
        return events.add(.vcpu, at: next, node: node.index, argument: vcpu)
      }
      now = next
    }
  }

  /// Whether there is another access.
  private func begin(_ vcpu: Int, _ node: SimulatedNode) -> Bool {
    if phase == .verifying {
      let page = verified[node.index] * options.runnerCount + node.index
      guard page < options.pages else { return false }
      verified[node.index] += 1
      node.vcpus[vcpu].access = Access(page: UInt32(page), isWrite: false, line: 0)
    } else {
      let number = node.vcpus[vcpu].number
      let step = node.vcpus[vcpu].doneCount
      guard step < workload.accessCount(number) else { return false }
      node.vcpus[vcpu].access = workload.access(step, of: number, &node.vcpus[vcpu].random)
      record?.append(AccessTrace.line(number, node.vcpus[vcpu].access))
    }
    node.vcpus[vcpu].hasAccess = true
    return true
  }

  private func permits(_ vcpu: Int, _ node: SimulatedNode) -> Bool {
    let access = node.vcpus[vcpu].access
    return node.permissions[Int(access.page)] >= (access.isWrite ? .write : .read)
  }

  private func exit(_ vcpu: Int, _ node: SimulatedNode) {
    node.vcpus[vcpu].state = .exiting
    events.add(.vcpu, at: now + costs.exit, node: node.index, argument: vcpu)
  }

  /// The access that has faulted is tried again.
  private func reenter(_ vcpu: Int, _ node: SimulatedNode) {
    let page = Int(node.vcpus[vcpu].access.page)
    let isPinned = node.vcpus[vcpu].isPinned
    node.vcpus[vcpu].isPinned = false
    guard permits(vcpu, node) else {
      if isPinned { return fail("node \(node.index) has lost page \(page) in spite of a pin") }
      statistics.repeatedFaults += 1
      return exit(vcpu, node)
    }
    if phase < .verifying { count(vcpu, node) }
    perform(vcpu, node)
    if isPinned {
      post(
        ServiceJob(
          work: .release(page: page), parent: node.vcpus[vcpu].cause, begin: now - costs.entry,
          shares: Shares(cpu: costs.entry), postedAt: now), node)
    }
    node.vcpus[vcpu].state = .thinking
    events.add(.vcpu, at: now + max(1, options.thinkTime), node: node.index, argument: vcpu)
  }

  /// Makes the access, and checks what it sees.
  private func perform(_ vcpu: Int, _ node: SimulatedNode) {
    let access = node.vcpus[vcpu].access
    let page = Int(access.page)
    let frame = node.frames[page]
    _ = reference.touch(page)
    node.usage?.note(page, isWrite: access.isWrite, at: now)
    let lines = phase == .verifying ? 0...63 : Int(access.line)...Int(access.line)
    for line in lines {
      if access.isWrite {
        node.ram[frame, 64 * line] = reference.write(page, line)
      } else {
        let value = node.ram[frame, 64 * line]
        guard value == reference[page, line] else {
          return fail(
            "node \(node.index) vCPU \(vcpu) reads \(value) from line \(line) of page \(page), "
              + "which has \(reference[page, line])")
        }
        hash.add(value)
      }
    }
    lastProgress = now
    node.vcpus[vcpu].hasAccess = false
    guard phase != .verifying else { return }
    node.vcpus[vcpu].doneCount += 1
    doneAccesses += 1
    statistics.accessCount += 1
  }

  private func count(_ vcpu: Int, _ node: SimulatedNode) {
    let state = node.vcpus[vcpu]
    let kind: Statistics.FaultKind =
      if !state.isRemote {
        state.wasUntouched ? .firstTouch : .local
      } else if state.isUpgrade {
        .upgrade
      } else {
        state.access.isWrite ? .write : .read
      }
    var shares = causes.shares(from: state.faultedAt, to: now - costs.entry, last: state.cause)
    shares.cpu += costs.entry
    let total = now - state.faultedAt
    shares.waiting = total - min(total, shares.wire + shares.queue + shares.cpu)
    statistics.samples[kind.rawValue].append(
      Statistics.Sample(
        total: total, shares: shares, messageCount: state.messageCount, isUnshared: state.isAlone))
  }
}
