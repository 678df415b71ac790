import Node
import Wire

/// Where the simulator looks into a frame; docs/wire.md has the whole.
enum FrameField {
  static let kind = 15
  static let receiver = 24
  static let sequence = 42
  static let bodyCount = 50
  static let body = 78

  static func uint16(_ frame: [UInt8], _ offset: Int) -> UInt16 {
    UInt16(frame[offset]) | UInt16(frame[offset + 1]) << 8
  }

  static func uint32(_ frame: [UInt8], _ offset: Int) -> UInt32 {
    UInt32(uint16(frame, offset)) | UInt32(uint16(frame, offset + 2)) << 16
  }

  static func destination(_ frame: [UInt8]) -> UInt64 {
    var address: UInt64 = 0
    for byte in frame[0..<6] { address = address << 8 | UInt64(byte) }
    return address
  }
}

extension Simulation {
  /// Sends what the engine has to send, as long as there is room in the ring.
  func send(from node: SimulatedNode) {
    guard node.engine.hasFrames || instant >= node.engine.deadline else { return }
    var ready = max(now, node.busyUntil)
    let uplinkFree = node.uplinkFree
    var buffer = [UInt8](repeating: 0, count: FrameLayout.maximumFrameCount)
    while true {
      while let departure = node.departures.head, departure <= now { _ = node.departures.removeFirst() }
      if node.departures.count >= costs.ringSize {
        if !node.waitsForRing, let departure = node.departures.head {
          node.waitsForRing = true
          events.add(.ringHasRoom, at: departure, node: node.index)
        }
        break
      }
      var bytes = buffer.mutableSpan
      guard let count = node.engine.writeFrame(to: &bytes, at: instant) else { break }
      ready += costs.send(count)
      transmit(Array(buffer[..<count]), node, ready: ready, uplinkFree: uplinkFree)
    }
    node.busyUntil = ready
  }

  private func transmit(_ frame: [UInt8], _ node: SimulatedNode, ready: UInt64, uplinkFree: UInt64) {
    let isFirst = count(frame, node)
    let duration = options.network.duration(frame.count)
    let atWire = ready + costs.adapterDelay
    let start = max(atWire, node.uplinkFree)
    node.uplinkFree = start + duration
    node.departures.append(start + duration)
    var delivery = DeliveryPool.Delivery(frame: frame, parent: node.cause, begin: now)
    if isFirst, options.isLossless { delivery.step = paths.send(frame, from: node.index) }
    // To wait for frames of the same message is not to queue.
    let queued = max(atWire, min(start, uplinkFree)) - atWire
    let arrival = start + duration + options.cableDelay + costs.switchDelay
    delivery.shares = Shares(wire: arrival - ready - queued, queue: queued, cpu: ready - now)
    events.add(.atSwitch, at: arrival, node: node.index, argument: deliveries.add(delivery))
  }

  /// A frame is in the switch, and on its way to the port.
  func passSwitch(_ index: Int, from sender: Int) {
    let delivery = deliveries.remove(index)
    hash.add(UInt64(FrameField.uint32(delivery.frame, 18)))
    let destination = FrameField.destination(delivery.frame)
    let first = SimulatedNode.address(0).value
    if destination >= first, destination < first + UInt64(nodes.count) {
      let receiver = Int(destination - first)
      if receiver != sender { deliver(delivery, from: sender, to: receiver) }
    } else {
      for receiver in nodes.indices where receiver != sender { deliver(delivery, from: sender, to: receiver) }
    }
  }

  private func deliver(_ delivery: DeliveryPool.Delivery, from sender: Int, to receiver: Int) {
    var delivery = delivery
    guard now >= nodes[sender].linkDownUntil, now >= nodes[receiver].linkDownUntil,
      !partition.cuts(sender, receiver, at: now)
    else {
      statistics.cutOff += 1
      return
    }
    guard !rates.isNone else { return output(delivery, to: receiver, late: 0) }
    if random.chance(rates.loss) {
      statistics.dropped += 1
      return
    }
    if random.chance(rates.corruption) {
      statistics.corrupted += 1
      for _ in 0...random.below(3) {
        delivery.frame[random.below(delivery.frame.count)] ^= 1 << UInt8(random.below(8))
      }
    }
    if random.chance(rates.replay) {
      statistics.replayed += 1
      output(delivery, to: receiver, late: random.below(5_000_000 as UInt64))
    }
    var late: UInt64 = 0
    if random.chance(rates.delay) {
      late = random.below(20_000_000 as UInt64)
      statistics.heldBack += 1
    } else if random.chance(rates.reordering) {
      late = random.below(300_000 as UInt64)
      statistics.reordered += 1
    }
    output(delivery, to: receiver, late: late)
  }

  /// Queues a frame at a port of the switch.
  private func output(_ delivery: DeliveryPool.Delivery, to receiver: Int, late: UInt64) {
    let start = max(now, portFree[receiver])
    guard start - now <= options.network.duration(bytes: costs.portBuffer) else {
      statistics.overflows += 1
      return
    }
    let duration = options.network.duration(delivery.frame.count)
    portFree[receiver] = start + duration
    let arrival = start + duration + options.cableDelay + costs.adapterDelay
    var delivery = delivery
    delivery.shares.queue += start - now
    delivery.shares.wire += arrival - start
    delivery.shares.waiting += late
    events.add(.atNode, at: arrival + late, node: receiver, argument: deliveries.add(delivery))
  }

  func arrive(_ index: Int, at node: SimulatedNode) {
    guard node.receivedCount < costs.ringSize else {
      _ = deliveries.remove(index)
      statistics.overflows += 1
      return
    }
    node.receivedCount += 1
    post(ServiceJob(work: .frame(index), begin: deliveries[index].begin, postedAt: now), node)
  }

  /// Whether it has a message, or a part of one, that is sent for the first time.
  private func count(_ frame: [UInt8], _ node: SimulatedNode) -> Bool {
    guard phase == .troubled || phase == .healed else { return false }
    let bytes = NetworkSpeed.wireBytes(frame.count)
    switch MessageKind(rawValue: frame[FrameField.kind]) {
    case .acknowledgement:
      statistics.acknowledgementFrames += 1
      statistics.acknowledgementBytes += bytes
    case .coherence:
      statistics.pageFrames += 1
      statistics.pageBytes += bytes
      let receiver = Int(FrameField.uint16(frame, FrameField.receiver))
      let sequence = FrameField.uint32(frame, FrameField.sequence)
      guard sequence == node.nextSequence[receiver] else {
        statistics.retransmissions += 1
        return false
      }
      node.nextSequence[receiver] &+= 1
      if FrameField.uint16(frame, FrameField.bodyCount) > 0 {
        statistics.messages[Int(frame[FrameField.body]) & 15] += 1
      }
      return true
    default: break
    }
    return false
  }
}
