import CPU
import Coherence
import Machine
import Memory
import Node
import VCPU
import Wire

// What is different for a virtual machine that runs on several nodes.

extension VirtualMachine {
  var isDistributed: Bool { unsafe cluster != nil }

  /// Whether the guest's devices are on this node.
  var hasDevices: Bool {
    guard let cluster = unsafe cluster else { return true }
    return unsafe cluster.pointee.local == ClusterGuest.deviceNode
  }

  /// A core that runs no vCPU but serves the node, if there is one.
  var serviceCore: Int? { isDistributed && node.coreCount > 1 ? 0 : nil }

  /// Calls `body` with what this node shares with the cluster, one core at a time.
  borrowing func withCluster<Result>(_ body: (inout ClusterGuest) -> Result) -> Result? {
    guard let cluster = unsafe cluster else { return nil }
    return clusterLock.withLock { unsafe body(&cluster.pointee) }
  }

  /// Works for the node's engine; whether there was anything to do.
  @discardableResult
  borrowing func work() -> Bool { withCluster { $0.work(self) } ?? false }

  /// Which of this node's vCPUs has number `index` in the whole guest.
  func slot(ofVCPU index: Int) -> Int? {
    index >= firstProcessor && index < firstProcessor + processorCount ? index - firstProcessor : nil
  }

  /// Tells all vCPUs of this node that there is something to drop.
  borrowing func announceShootdown() {
    for slot in 0..<processorCount {
      unsafe mailboxes[slot].post(.dropTranslations)
      kick(slot)
    }
  }

  /// Has all vCPUs of the calling core drop what has been taken away, but for `busy`, which does it itself.
  borrowing func takeShootdowns(besides busy: Int? = nil) {
    for slot in 0..<processorCount where slot != busy && core(of: slot) == Core.currentIndex {
      unsafe processors[slot].takeShootdowns(self)
    }
  }

  /// Whether the engine has yet to hear of the end of a shootdown.
  var isShootingDown: Bool { withCluster { $0.shootdowns.isUnderWay } ?? false }

  /// Whether nothing waits to be sent to other nodes.
  var isOutboxEmpty: Bool {
    guard let cluster = unsafe cluster else { return true }
    return unsafe cluster.pointee.outbox.pointee.isEmpty
  }

  /// Whether this node has no frame for another page, and nobody will see to it that it gets one.
  var isOutOfFrames: Bool { withCluster { unsafe $0.service.pointee.engine.isOutOfFrames } ?? false }

  /// Gets a page for the loader, which runs before any vCPU does; false where the machine has ended before it begins, or
  /// there will be no frame for the page.
  borrowing func acquireForLoader(_ page: PageNumber, _ access: PageAccess) -> Bool {
    guard isDistributed else { return false }
    withCluster { $0.begin($0.loader, page, access, holdsPin: false, self) }
    // The others must hear of this node also while it needs nothing of them.
    work()
    while ended == nil {
      if let isPinned = withCluster({ $0.isPinned($0.loader) }) ?? nil {
        // Nobody else wants the page before the guest runs.
        if isPinned { withCluster { $0.release(page, self) } }
        return true
      }
      if isOutOfFrames { return false }
      work()
      for slot in 0..<processorCount { unsafe processors[slot].takeShootdowns(self) }
    }
    return false
  }

  // MARK: Interrupts

  /// Has all nodes know how a vCPU is addressed.
  borrowing func tellAddressing(_ index: Int, _ addressing: APICAddressing) {
    _ = withCluster { cluster in
      let message = GuestMessage.addressing(
        vcpu: UInt16(index), model: addressing.model.rawValue, logicalID: UInt32(addressing.logicalID),
        acceptsVectors: addressing.acceptsVectors)
      for number in 0..<cluster.layout.nodeCount where number != cluster.local.index {
        cluster.unansweredAddressings += 1
        cluster.say(message, to: NodeID(UInt16(number)), self)
      }
    }
  }

  /// Sends a resolved message to the node of a vCPU.
  borrowing func forward(_ message: InterruptMessage, to index: Int) {
    guard let cluster = unsafe cluster else { return }
    let receiver = unsafe NodeID(UInt16(cluster.pointee.layout.node(ofVCPU: index)))
    unsafe cluster.pointee.say(
      .interrupt(
        vcpu: UInt16(index), mode: message.deliveryMode.rawValue, vector: message.vector,
        isLevel: message.trigger == .level), to: receiver, self)
  }

  // MARK: Devices

  /// Carries out an access to a device of this node.
  borrowing func access(_ access: DeviceAccess) -> UInt32 {
    let now = now
    return withPlatform { platform in
      switch (access.space, access.isWrite) {
      case (.port, false): return platform.readPort(access.address, access.portWidth, now: now)
      case (.port, true): platform.writePort(access.address, access.portWidth, access.value, now: now)
      case (.ioAPIC, false): return platform.readIOAPIC(offset: UInt32(access.address))
      case (.ioAPIC, true): platform.writeIOAPIC(offset: UInt32(access.address), access.value)
      }
      return 0
    }
  }

  // MARK: The end

  /// What this node has counted of its cluster, as fields of an open object.
  borrowing func writeCluster(_ out: inout JSONWriter) {
    guard let cluster = unsafe cluster else { return }
    unsafe cluster.pointee.writeCounters(&out)
    unsafe cluster.pointee.service.pointee.writeCounters(&out)
  }

  /// Tells the other nodes that the machine has ended.
  borrowing func announceEnd(_ reason: EndOfRun) {
    guard let cluster = unsafe cluster else { return }
    let local = unsafe cluster.pointee.local.index
    for number in 0..<(unsafe cluster.pointee.layout.nodeCount) where number != local {
      _ = unsafe cluster.pointee.outbox.pointee.append(
        .end(reason: reason.rawValue), to: NodeID(UInt16(number)))
    }
  }

  /// Works for the cluster until the others know of the end, or half a second has passed: a node that has gone does not
  /// answer.
  borrowing func finishCluster() {
    guard isDistributed else { return }
    let limit = readTSC() &+ node.clock.ticks(microseconds: 500_000)
    while readTSC() < limit {
      work()
      takeShootdowns()
      _ = withCluster { unsafe $0.service.pointee.doChores(hasGuestConsole: true) }
      let isDone = withCluster { cluster in
        unsafe cluster.outbox.pointee.isEmpty && cluster.service.pointee.engine.links.isQuiet
      }
      if isDone == true { return }
    }
  }
}

extension DeviceAccess {
  static func reading(_ port: UInt16, _ width: Platform.PortWidth) -> Self {
    Self(space: .port, isWrite: false, width: UInt8(width.rawValue), address: port, value: 0)
  }

  static func writing(_ value: UInt32, to port: UInt16, _ width: Platform.PortWidth) -> Self {
    Self(space: .port, isWrite: true, width: UInt8(width.rawValue), address: port, value: value)
  }

  /// Whether nothing may come after it.
  var mayEndGuest: Bool {
    space == .port && (address == GuestPorts.sleepControl || address == GuestPorts.reset)
  }

  /// A width that is none counts as a byte.
  fileprivate var portWidth: Platform.PortWidth { Platform.PortWidth(rawValue: UInt16(width)) ?? .byte }
}
