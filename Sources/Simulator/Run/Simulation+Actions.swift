import Coherence
import Memory
import Node

extension Simulation {
  /// Does what the engine wants.
  ///
  /// - Parameter faulting: the vCPU whose fault has just been reported.
  func act(_ node: SimulatedNode, faulting: Int? = nil) {
    takeEvents(node)
    while let action = node.engine.nextAction() {
      switch action {
      case .map(let page, let access, let frame): map(Int(page.value), access, frame, node)
      case .protect(let page): takeAway(Int(page.value), isUnmap: false, node)
      case .unmap(let page): takeAway(Int(page.value), isUnmap: true, node)
      case .resume(let page, let isPinned): resume(Int(page.value), isPinned, node, faulting: faulting)
      case .retry(let page):
        let page = Int(page.value)
        for (waitingPage, vcpu) in node.waiting where waitingPage == page { report(vcpu, node) }
        node.waiting.removeAll { $0.page == page }
      case .retryPutOff:
        for vcpu in node.putOff { report(vcpu, node) }
        node.putOff = []
      case .stop(let fault): fail("node \(node.index) stops: \(fault)")
      }
    }
  }

  /// Has a fault reported once more.
  private func report(_ vcpu: Int, _ node: SimulatedNode) {
    post(ServiceJob(work: .fault(vcpu: vcpu), parent: node.cause, begin: now, postedAt: now), node)
  }

  private func map(_ page: Int, _ access: PageAccess, _ frame: HostPhysicalAddress, _ node: SimulatedNode) {
    if node.shootdowns.contains(where: { $0.page == page }) {
      return fail("node \(node.index) maps page \(page) before its shootdown is over")
    }
    set(page, access == .write ? .write : .read, node)
    node.frames[page] = frame
    if writers[page] > 1 || (writers[page] == 1 && holders[page] > 1) {
      fail(
        "page \(page): \(writers[page]) nodes may write, \(holders[page]) read, after node \(node.index) got it"
      )
    }
  }

  private func set(_ page: Int, _ permission: SimulatedNode.Permission, _ node: SimulatedNode) {
    let before = node.permissions[page]
    if before != .none { holders[page] -= 1 }
    if before == .write { writers[page] -= 1 }
    if permission != .none { holders[page] += 1 }
    if permission == .write { writers[page] += 1 }
    node.permissions[page] = permission
  }

  // MARK: Shootdowns

  private func takeAway(_ page: Int, isUnmap: Bool, _ node: SimulatedNode) {
    statistics.shootdowns += 1
    node.shootdowns.append((page, isUnmap, now))
    var duration = costs.shootdown
    if options.faults.delaysCores, phase == .troubled, random.chance(0.1) {
      duration += random.below(50_000 as UInt64)
    }
    events.add(.shotDown, at: now + duration, node: node.index, argument: page, detail: node.cause)
  }

  func endShootdown(_ page: Int, _ node: SimulatedNode, cause: UInt32) {
    guard let place = node.shootdowns.firstIndex(where: { $0.page == page }) else {
      return fail("a shootdown without a beginning")
    }
    let shootdown = node.shootdowns.remove(at: place)
    set(page, shootdown.isUnmap ? .none : min(.read, node.permissions[page]), node)
    post(
      ServiceJob(
        work: .shotDown(page: page), parent: cause, begin: shootdown.begin,
        shares: Shares(cpu: now - shootdown.begin), postedAt: now), node)
  }

  // MARK: Faults and pins

  /// For how long a page may be pinned.
  private static var pinLimit: UInt64 { 100_000 }

  private func resume(_ page: Int, _ isPinned: Bool, _ node: SimulatedNode, faulting: Int?) {
    var place = node.waiting.firstIndex { $0.page == page }
    if let faulting, let own = node.waiting.firstIndex(where: { $0.page == page && $0.vcpu == faulting }) {
      place = own
      node.vcpus[faulting].isRemote = false
    }
    guard let place else { return fail("node \(node.index) resumes nobody on page \(page)") }
    let vcpu = node.waiting.remove(at: place).vcpu
    node.vcpus[vcpu].state = .entering
    node.vcpus[vcpu].isPinned = isPinned
    node.vcpus[vcpu].cause = node.cause
    if node.vcpus[vcpu].isRemote { node.vcpus[vcpu].messageCount = paths.end(at: node.index, page) }
    node.vcpus[vcpu].isAlone = holders[page] == 1
    var duration = costs.entry
    if options.faults.delaysCores, phase == .troubled, random.chance(0.03) {
      duration += random.below(300_000 as UInt64)
    }
    events.add(.vcpu, at: now + duration, node: node.index, argument: vcpu)
    guard isPinned else { return }
    node.vcpus[vcpu].pinCount += 1
    guard duration > Self.pinLimit else { return }
    events.add(.pinLimit, at: now + Self.pinLimit, node: node.index, argument: page, detail: UInt32(vcpu))
  }

  /// A pin on the page has stood for so long that all of them have to go.
  func endPin(_ page: Int, _ vcpu: Int, _ node: SimulatedNode) {
    guard node.vcpus[vcpu].isPinned, Int(node.vcpus[vcpu].access.page) == page else { return }
    statistics.expiredPins += 1
    for other in node.vcpus.indices where Int(node.vcpus[other].access.page) == page {
      node.vcpus[other].isPinned = false
    }
    post(ServiceJob(work: .expire(page: page), begin: now, postedAt: now), node)
  }
}
