import Coherence
import Memory
import Support
import Wire

@testable import Simulator

extension ClusterRun {
  /// A vCPU goes on: with the access that it waits for, or with its next one.
  func step(_ node: ClusterNode<Rules>, _ vcpu: Int) {
    switch node.vcpus[vcpu] {
    case .finished: return
    case .idle:
      guard node.accessesLeft[vcpu] > 0 else {
        node.vcpus[vcpu] = .finished
        return
      }
      node.accessesLeft[vcpu] -= 1
      let page = Int(generator.next() % UInt64(configuration.pageCount))
      node.vcpus[vcpu] = .waiting(page: page, write: generator.happens(configuration.writeShare))
      reclaim(node)
    case .waiting: break
    }
    attempt(node, vcpu)
  }

  private func attempt(_ node: ClusterNode<Rules>, _ vcpu: Int) {
    guard case .waiting(let page, let write) = node.vcpus[vcpu] else { return }
    let needed: Permission = write ? .write : .read
    if node.pages[page].permission >= needed { return access(node, vcpu, page, write, isPinned: false) }
    result.faultCount += 1
    let before = node.engine.openRequestCount
    node.fault = (vcpu, page)
    let isTaken = node.engine.handle(write ? .writeFault : .readFault, on: PageNumber(UInt64(page)))
    act(node)
    let isSettled = node.fault == nil
    node.fault = nil
    guard !isSettled else { return }
    if !isTaken {
      events.add(.step(node: node.id.index, vcpu: vcpu), at: now + 10_000)
    } else if node.engine.openRequestCount > before {
      node.pages[page].opener = vcpu
    } else {
      node.pages[page].waiters.append(vcpu)
    }
  }

  /// The access itself, and in a moment the end of its instruction.
  func access(_ node: ClusterNode<Rules>, _ vcpu: Int, _ page: Int, _ write: Bool, isPinned: Bool) {
    guard let frame = node.pages[page].frame else { return fail("access without a frame") }
    let needed: Permission = write ? .write : .read
    guard node.pages[page].permission >= needed else { return fail("resumed without the right to go on") }
    if node.frames[frame] != contents[page] {
      return fail("node \(node.id.value) reads old contents of page \(page)")
    }
    if write {
      result.writeCount += 1
      // Now and then the page becomes zero again.
      let isZero = generator.next() % 16 == 0
      let start = Int(generator.next() % 4096)
      let value = UInt8(truncatingIfNeeded: generator.next())
      for offset in isZero ? 0..<4096 : start..<min(start + 100, 4096) {
        contents[page][offset] = isZero ? 0 : value
      }
      node.frames[frame] = contents[page]
    } else {
      result.readCount += 1
    }
    node.vcpus[vcpu] = .idle
    let event = Event.retire(node: node.id.index, vcpu: vcpu, page: page, isPinned: isPinned)
    events.add(event, at: now + 100 + generator.next() % 2_000)
  }

  func retire(_ node: ClusterNode<Rules>, _ vcpu: Int, _ page: Int, isPinned: Bool) {
    if isPinned {
      if !node.engine.handle(.release, on: PageNumber(UInt64(page))) { fail("a release is refused") }
      act(node)
    }
    events.add(.step(node: node.id.index, vcpu: vcpu), at: now + generator.next() % 20_000)
  }

  /// Gets rid of a page, now and then.
  private func reclaim(_ node: ClusterNode<Rules>) {
    guard generator.happens(configuration.evictionShare) else { return }
    let page = PageNumber(generator.next() % UInt64(configuration.pageCount))
    let event: LocalEvent = node.engine.cachePage(page).hasStaleCopy ? .forget : .evict
    if node.engine.handle(event, on: page) { result.evictionCount += 1 }
    act(node)
  }

  /// Does what the engine wants.
  func act(_ node: ClusterNode<Rules>) {
    while let action = node.engine.nextAction() {
      switch action {
      case .send(let message, let receiver): node.send(message, to: receiver)
      case .map(let page, let access):
        node.pages[Int(page.value)].permission = access == .write ? .write : .read
      case .beginVersion(let page, let version):
        let index = Int(page.value)
        node.pages[index].twin = node.frames[node.pages[index].frame!]
        node.pages[index].twinVersion = version
      case .protect(let page): shootDown(node, Int(page.value), leaving: .read)
      case .unmap(let page): shootDown(node, Int(page.value), leaving: .none)
      case .resume(let page, let isPinned): resume(node, Int(page.value), isPinned: isPinned)
      case .retry(let page):
        for vcpu in node.pages[Int(page.value)].waiters {
          events.add(.step(node: node.id.index, vcpu: vcpu), at: now)
        }
        node.pages[Int(page.value)].waiters = []
      case .needFrame(let page):
        if node.pages[Int(page.value)].frame == nil {
          node.pages[Int(page.value)].frame = node.frames.allocate()
        }
      case .freeFrame(let page):
        node.frames.release(node.pages[Int(page.value)].frame!)
        node.pages[Int(page.value)].frame = nil
        node.pages[Int(page.value)].twin = nil
      case .fillWithZeros(let page):
        node.frames[node.pages[Int(page.value)].frame!] = [UInt8](repeating: 0, count: 4096)
      case .kept: break
      case .breakLink(let sender, let fault):
        fail("node \(node.id.value) on \(sender.value): \(fault.summary)")
      case .stop(let fault): fail("node \(node.id.value) stops: \(fault.summary)")
      }
    }
  }

  private func shootDown(_ node: ClusterNode<Rules>, _ page: Int, leaving permission: Permission) {
    node.pages[page].shootdown = permission
    // Some core is slow now and then, slower than a message.
    let limit = generator.next() % 8 == 0 ? 10 * configuration.latency : 5_000
    events.add(.shotDown(node: node.id.index, page: page), at: now + 500 + generator.next() % limit)
  }

  private func resume(_ node: ClusterNode<Rules>, _ page: Int, isPinned: Bool) {
    let vcpu: Int
    if let fault = node.fault, fault.page == page {
      vcpu = fault.vcpu
      node.fault = nil
    } else if let opener = node.pages[page].opener {
      vcpu = opener
      node.pages[page].opener = nil
    } else {
      return fail("nobody to resume")
    }
    guard case .waiting(page, let write) = node.vcpus[vcpu] else { return fail("resumed without a fault") }
    access(node, vcpu, page, write, isPinned: isPinned)
  }

  /// All is done and nothing moves: is everything as it should be?
  func checkEnd() {
    for node in nodes {
      for vcpu in node.vcpus.indices {
        guard case .finished = node.vcpus[vcpu] else {
          return fail("vCPU \(vcpu) of node \(node.id.value) waits for ever")
        }
      }
      if node.frames.usedCount != node.pages.count(where: { $0.frame != nil }) { fail("frames are leaked") }
    }
    for page in 0..<configuration.pageCount { checkPage(page) }
  }

  private func checkPage(_ index: Int) {
    let page = PageNumber(UInt64(index))
    let home = nodes[homes.home(of: page)!.index].engine
    let state = home.homePage(page).state
    for node in nodes {
      let cached = node.engine.cachePage(page).state
      let isSharer = home.sharers(of: page).contains(node.id)
      let fits =
        switch state {
        case .shared where isSharer: cached == .shared
        case .exclusive where isSharer: cached == .exclusive || cached == .modified
        case .busyShared, .busyExclusive, .busyPut: false
        default: cached == .invalid
        }
      if !fits {
        fail("page \(index) is \(state.symbol) at its home, \(cached.symbol) at node \(node.id.value)")
      }
    }
  }
}
