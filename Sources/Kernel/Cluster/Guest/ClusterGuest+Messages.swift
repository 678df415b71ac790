import Cluster
import Machine
import Node
import Wire

// What nodes say to each other about the guest, apart from its pages.

/// What the loading node has told all others.
struct GuestPlan {
  /// Bytes of the guest's RAM.
  var ramSize: UInt64
  /// Of the guest's TSC, in Hz.
  var frequency: UInt64
  /// Cluster time at which that TSC was 0, in nanoseconds.
  var startTime: UInt64
}

extension ClusterGuest {
  mutating func receive<Host: Backend>(
    _ message: GuestMessage, from sender: NodeID, _ vm: borrowing VirtualMachine<Host>
  ) {
    switch message {
    case .plan: refuse("a second plan", from: sender, vm)
    case .distance(let node, let time):
      guard Int(node) < layout.nodeCount, unready.contains(sender) else {
        return refuse("a distance", from: sender, vm)
      }
      distances.note(from: sender.index, to: Int(node), nanoseconds: time)
    case .ready: unready.remove(sender)
    case .interrupt(let index, let mode, let vector, let isLevel):
      guard let slot = vm.slot(ofVCPU: Int(index)), let mode = InterruptMessage.DeliveryMode(rawValue: mode)
      else { return refuse("an interrupt for nobody", from: sender, vm) }
      vm.post(mode, vector, isLevel ? .level : .edge, to: slot)
    case .endOfInterrupt(let vector):
      guard local == Self.deviceNode else { return refuse("the end of an interrupt", from: sender, vm) }
      vm.withPlatform { $0.endOfInterrupt(vector) }
    case .addressing(let index, let model, let logicalID, let acceptsVectors):
      guard isVCPU(index, of: sender), let model = APICAddressing.Model(rawValue: model),
        let logicalID = UInt8(exactly: logicalID)
      else { return refuse("how somebody else is addressed", from: sender, vm) }
      vm.noteRoute(
        Int(index), APICAddressing(model: model, logicalID: logicalID, acceptsVectors: acceptsVectors))
      say(.addressingKnown(vcpu: index), to: sender, vm)
    case .addressingKnown:
      unansweredAddressings = max(0, unansweredAddressings - 1)
      if unansweredAddressings == 0 { for slot in 0..<vm.processorCount { vm.kick(slot) } }
    case .device(let index, let access):
      guard local == Self.deviceNode, isVCPU(index, of: sender) else {
        return refuse("an access to a device", from: sender, vm)
      }
      say(.deviceReply(vcpu: index, value: vm.access(access)), to: sender, vm)
    case .deviceReply(let index, let value):
      guard sender == Self.deviceNode, let slot = vm.slot(ofVCPU: Int(index)) else {
        return refuse("a device's answer", from: sender, vm)
      }
      guard unansweredWrites[slot] == 0 else { return unansweredWrites[slot] -= 1 }
      replies[slot] = value
      vm.kick(slot)
    case .end(let reason):
      guard let reason = EndOfRun(rawValue: reason) else { return refuse("an end", from: sender, vm) }
      if vm.ended == nil { log.info("node \(sender) says that the guest has ended: \(reason.name)") }
      vm.end(reason, tellsOthers: false)
    }
  }

  private func isVCPU(_ index: UInt16, of sender: NodeID) -> Bool {
    Int(index) < layout.vCPUCount && layout.node(ofVCPU: Int(index)) == sender.index
  }

  /// Sends a device a write for whose answer nobody will wait; false where it must be waited for.
  ///
  /// Whatever this node sends to the device's node later arrives later. In a larger cluster something could get there before
  /// the write by way of a third node, such as a page that says that the device is free.
  mutating func post(_ write: DeviceAccess, ofVCPU index: UInt16, _ slot: Int) -> Bool {
    guard layout.nodeCount == 2, unansweredWrites[slot] < Self.mostUnansweredWrites,
      unsafe outbox.pointee.isEmpty, send(.device(vcpu: index, write), to: Self.deviceNode)
    else { return false }
    unansweredWrites[slot] += 1
    return true
  }

  /// As many as a UART takes at a time.
  private static var mostUnansweredWrites: Int { 16 }

  /// Says something to a peer as soon as there is room.
  func say<Host: Backend>(_ message: GuestMessage, to receiver: NodeID, _ vm: borrowing VirtualMachine<Host>)
  {
    guard unsafe !outbox.pointee.append(message, to: receiver), vm.ended == nil else { return }
    log.error("guest stopped: more messages to other nodes wait than there is room for")
    vm.end(.fault, tellsOthers: false)
  }

  private func refuse<Host: Backend>(
    _ what: StaticString, from sender: NodeID, _ vm: borrowing VirtualMachine<Host>
  ) {
    guard vm.ended == nil else { return }
    log.error("guest stopped: node \(sender) sent \(what), which is not its part")
    vm.end(.fault)
  }
}
