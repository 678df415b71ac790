import Coherence
import Memory
import Wire

extension World {
  /// Calls `body` with everything that can happen now.
  func forEachStep(_ body: (Step) -> Void) {
    for node in 0..<nodeCount {
      if instructions.isEmpty, programs.isEmpty {
        for page in 0..<pageCount { localSteps(node, page, body) }
      } else {
        if programs.isEmpty {
          if canExecute(node) { body(Step(.execute, node, 0)) }
        } else {
          for step in programSteps(node) { body(Step(.execute, node, step)) }
        }
        for page in 0..<pageCount where self[node, page].shootdown != nil {
          body(Step(.shotDown, node, page))
        }
      }
      for sender in 0..<nodeCount where !queues[sender * nodeCount + node].isEmpty {
        for choice in choices(node) { body(Step(.deliver, node, sender, choice: choice)) }
      }
    }
  }

  private func localSteps(_ node: Int, _ page: Int, _ body: (Step) -> Void) {
    let local = self[node, page]
    let cached = cachePage(node, page)
    let mayFault = local.faults < (configuration.waits ? 2 : 1)
    // While a shootdown is under way, some cores have the old translation and some the new one.
    let least = local.shootdown ?? local.permission
    if mayFault, least == .none { body(Step(.readFault, node, page)) }
    if mayFault, least != .write {
      body(Step(.writeFault, node, page))
      if cached.pins > 0 { body(Step(.pinnedWriteFault, node, page)) }
    }
    if local.permission == .write { body(Step(.write, node, page)) }
    if configuration.evicts, cached.canEvict, engines[node].hasRoomForRequest {
      body(Step(.evict, node, page))
    }
    if cached.state == .invalid, cached.hasStaleCopy { body(Step(.forget, node, page)) }
    if local.shootdown != nil {
      for choice in choices(node) { body(Step(.shotDown, node, page, choice: choice)) }
    }
    if cached.pins > 0 { body(Step(.release, node, page)) }
  }

  /// The choices that a home can make now: which sharer is the supplier, and whether there is room.
  private func choices(_ node: Int) -> [Int] {
    var offsets = 1
    var hasPuts = false
    for page in 0..<pageCount where home(of: page) == node {
      let sharers = sharers(page)
      if !sharers.contains(NodeID(UInt16(node))) { offsets = max(offsets, sharers.count) }
      hasPuts = true
    }
    if offsets == 1, !configuration.lacksRoom { return [0] }
    let withRoom = (0..<offsets).map { $0 << 1 }
    return configuration.lacksRoom && hasPuts ? withRoom + withRoom.map { $0 | 1 } : withRoom
  }

  /// Lets `step` happen.
  mutating func take(_ step: Step) {
    var outbox = Outbox(local: NodeID(0), capacity: Outbox.capacity(nodeCount: nodeCount))
    take(step, &outbox)
  }

  /// Lets `step` happen, with an outbox that is used again and again.
  mutating func take(_ step: Step, _ outbox: inout Outbox) {
    let node = Int(step.node)
    outbox.local = NodeID(UInt16(node))
    engines[node].exchangeOutbox(with: &outbox)
    happen(step, at: node)
    engines[node].exchangeOutbox(with: &outbox)
  }

  private mutating func happen(_ step: Step, at node: Int) {
    let other = Int(step.other)
    engines[node].hasRoom = step.choice & 1 == 0
    engines[node].supplierOffset = Int(step.choice >> 1)
    switch step.kind {
    case .readFault: fault(.readFault, node, other, holdsPin: false)
    case .writeFault: fault(.writeFault, node, other, holdsPin: false)
    case .pinnedWriteFault: fault(.writeFault, node, other, holdsPin: true)
    case .write:
      writeCount += 1
      latest[other] = Contents(writeCount)
      self[node, other].frame = latest[other]
    case .execute: if programs.isEmpty { execute(node) } else { runProgram(node, other) }
    case .evict: handle(.evict, node, other)
    case .forget:
      if engines[node].handle(.forget, on: PageNumber(UInt64(other))) { act(node) }
    case .release: handle(.release, node, other)
    case .shotDown:
      self[node, other].permission = self[node, other].shootdown!
      self[node, other].shootdown = nil
      handle(.shotDown, node, other)
    case .deliver:
      let packet = queues[other * nodeCount + node].removeFirst()
      receive(packet, from: other, at: node)
    }
    engines[node].hasRoom = true
    engines[node].supplierOffset = 0
  }

  private mutating func handle(_ event: LocalEvent, _ node: Int, _ page: Int) {
    if !engines[node].handle(event, on: PageNumber(UInt64(page))) { fail("the engine refuses \(event)") }
    act(node)
  }

  private mutating func fault(_ event: LocalEvent, _ node: Int, _ page: Int, holdsPin: Bool) {
    self[node, page].faults += 1
    guard engines[node].handle(event, on: PageNumber(UInt64(page)), holdsPin: holdsPin) else {
      // The vCPU tries again later.
      self[node, page].faults -= 1
      if configuration.requestLimit == nil { fail("the engine has no room for a request") }
      return
    }
    act(node)
  }

  mutating func fail(_ reason: String) {
    if violation == nil { violation = reason }
  }
}
