import Coherence
import Memory
import Wire

extension World {
  /// Does what the engine of `node` wants, as its driver.
  mutating func act(_ node: Int) {
    while let action = engines[node].nextAction() {
      switch action {
      case .send(let message, let receiver): send(message, from: node, to: receiver.index)
      case .map(let page, let access): map(node, Int(page.value), access)
      case .beginVersion(let page, let version):
        self[node, Int(page.value)].twin = self[node, Int(page.value)].frame
        self[node, Int(page.value)].twinVersion = version
      case .protect(let page): startShootdown(node, Int(page.value), leaving: .read)
      case .unmap(let page): startShootdown(node, Int(page.value), leaving: .none)
      case .resume(let page, let isPinned): resume(node, Int(page.value), isPinned: isPinned)
      case .retry(let page): self[node, Int(page.value)].faults = 0
      case .needFrame(let page):
        if self[node, Int(page.value)].frame == nil { self[node, Int(page.value)].frame = .garbage }
      case .freeFrame(let page):
        if self[node, Int(page.value)].frame == nil {
          fail("node \(node) frees a frame that it does not have")
        }
        self[node, Int(page.value)].frame = nil
        self[node, Int(page.value)].twin = nil
      case .fillWithZeros(let page): self[node, Int(page.value)].frame = .zero
      case .kept: break
      case .breakLink(let sender, let fault):
        fail("node \(node) does not understand node \(sender.index): \(fault.summary)")
      case .stop(let fault): fail("node \(node) stops: \(fault.summary)")
      }
    }
  }

  private mutating func map(_ node: Int, _ page: Int, _ access: PageAccess) {
    if self[node, page].shootdown != nil { fail("node \(node) maps page \(page) during a shootdown") }
    self[node, page].permission = access == .write ? .write : .read
  }

  private mutating func startShootdown(_ node: Int, _ page: Int, leaving permission: Permission) {
    if self[node, page].shootdown != nil { fail("node \(node) starts two shootdowns of page \(page)") }
    self[node, page].shootdown = permission
  }

  private mutating func resume(_ node: Int, _ page: Int, isPinned: Bool) {
    if self[node, page].faults == 0 { return fail("node \(node) resumes nobody") }
    self[node, page].faults -= 1
    if isPinned, configuration.pins, !instructions.isEmpty {
      if !instructions[node].pinned.insert(PageNumber(UInt64(page))) { fail("too many pins") }
    }
    if isPinned, !configuration.pins {
      if !engines[node].handle(.release, on: PageNumber(UInt64(page))) { fail("a pin is not released") }
    }
  }

  private mutating func send(_ message: CoherenceMessage, from node: Int, to receiver: Int) {
    let page = Int(message.page.value)
    let local = self[node, page]
    var packet = Packet(message: message, contents: nil, base: nil)
    switch message.content {
    case .none: break
    case .zero: packet.contents = .zero
    case .page, .changes:
      guard let frame = local.frame else { return fail("node \(node) sends page \(page) from no frame") }
      packet.contents = frame
      if frame == .zero {
        packet.message.content = .zero
      } else if message.content == .changes {
        if message.known == message.version {
          packet.base = frame
        } else if let twin = local.twin, local.twinVersion == message.version {
          packet.base = twin
        } else {
          packet.message.content = .page
        }
      }
    }
    queues[node * nodeCount + receiver].append(packet)
  }

  /// A message arrives: contents go into their frame first, if they are expected.
  mutating func receive(_ packet: Packet, from sender: Int, at node: Int) {
    let page = Int(packet.message.page.value)
    if let contents = packet.contents {
      guard engines[node].expectsContents(packet.message, from: NodeID(UInt16(sender))) else {
        return fail("node \(node) gets contents of page \(page) that it does not expect")
      }
      guard let frame = self[node, page].frame else {
        return fail("node \(node) has no frame for page \(page)")
      }
      let fits = packet.base == nil || packet.base == frame
      self[node, page].frame = fits ? contents : .garbage
      self[node, page].twin = nil
    }
    engines[node].receive(packet.message, from: NodeID(UInt16(sender)))
    act(node)
  }
}

extension CoherenceFault {
  var summary: String {
    let state =
      switch place {
      case .cache(let state): "\(state.symbol)"
      case .home(let state): "home \(state.symbol)"
      case .nowhere: "nowhere"
      }
    return switch event {
    case .local(let event): "page \(page.value), \(state), \(event)"
    case .message(let kind): "page \(page.value), \(state), \(kind)"
    }
  }
}
