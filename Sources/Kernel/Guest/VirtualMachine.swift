import CPU
import EPT
import Machine
import Memory
import Synchronization
import VCPU

/// One virtual machine, or this node's part of one: its memory, its devices, its vCPUs.
@safe
struct VirtualMachine<Host: Backend>: ~Copyable {
  let backend: Host
  let space: UnsafeMutablePointer<GuestAddressSpace<Host.Format>>
  /// What the guest's CPUID is made of.
  let processor: GuestCPUID
  let cpuidPolicy: CPUIDPolicy
  /// What decides which bits of the guest's page-table entries are reserved.
  let walkProcessor: GuestPageWalk.Processor
  /// Host TSC at the guest's time 0; where nodes share a time, as this node knows it at the moment.
  private let timeBase: Atomic<UInt64>
  /// The cluster that it runs on; nil where it has this node alone.
  let cluster: UnsafeMutablePointer<ClusterGuest>?
  let clusterLock = SpinLock()
  /// Number of this node's first vCPU in the whole guest, and how many vCPUs are here.
  let firstProcessor: Int
  let processors: UnsafeMutablePointer<GuestProcessor<Host>>
  let mailboxes: UnsafeMutablePointer<Mailbox>
  let processorCount: Int
  private let platformLock = SpinLock()
  private let platform: UnsafeMutablePointer<Platform>
  private let routerLock = SpinLock()
  private let router: UnsafeMutablePointer<InterruptRouter<4>>
  private let ending = Atomic<UInt8>(0)
  private let runningCount = Atomic<Int>(1)
  private let unanswered = Atomic<Int>(0)
  private let moved = Atomic<Int>(0)
  private let currentShootdown: UnsafeMutablePointer<Shootdown>
  private let coresInside = Atomic<Int>(node.coreCount)

  init(
    backend: Host, space: UnsafeMutablePointer<GuestAddressSpace<Host.Format>>,
    processor: GuestCPUID, cpuidPolicy: CPUIDPolicy, frequency: TSCFrequency, secondsSinceEpoch: UInt64,
    firstProcessor: Int = 0, processorCount: Int,
    startTime: UInt64, cluster: UnsafeMutablePointer<ClusterGuest>? = nil
  ) {
    unsafe self.cluster = cluster
    self.firstProcessor = firstProcessor
    self.backend = backend
    unsafe self.space = space
    self.processor = processor
    self.cpuidPolicy = cpuidPolicy
    self.processorCount = processorCount
    walkProcessor = GuestPageWalk.Processor(
      physicalAddressWidth: UInt8(cpuidPolicy.physicalAddressBits),
      hasGigabytePages: processor.hasGigabytePages, reservesGlobalBitOfPML4: cpuidPolicy.vendor == .amd)
    timeBase = Atomic(startTime)
    unsafe processors = .allocate(capacity: processorCount)
    unsafe mailboxes = .allocate(capacity: processorCount)
    for index in 0..<processorCount { unsafe (mailboxes + index).initialize(to: Mailbox()) }
    unsafe currentShootdown = .allocate(capacity: 1)
    unsafe currentShootdown.initialize(to: Shootdown())
    unsafe platform = .allocate(capacity: 1)
    unsafe platform.initialize(
      to: Platform(frequency: frequency, secondsSinceEpoch: secondsSinceEpoch, now: 0))
    unsafe router = .allocate(capacity: 1)
    unsafe router.initialize(to: InterruptRouter())
  }

  /// Host TSC at the guest's time 0.
  var startTime: UInt64 {
    @inline(__always) get { timeBase.load(ordering: .relaxed) }
  }

  /// How far the guest's time may be set back at once, in ticks: less than passes before it is looked at again.
  private static var longestStep: UInt64 { 1000 }

  /// The guest's time is `time` when the host's TSC is `tsc`, as the cluster has it.
  borrowing func setTime(_ time: UInt64, at tsc: UInt64) {
    let old = startTime
    let new = tsc &- time
    let isBack = Int64(bitPattern: new &- old) > 0
    timeBase.store(isBack ? min(new &- old, Self.longestStep) &+ old : new, ordering: .relaxed)
  }

  /// The guest's time: ticks of its TSC before any vCPU's own adjustment.
  var now: UInt64 {
    @inline(__always) get { readTSC() &- startTime }
  }

  func isRAM(_ address: GuestPhysicalAddress) -> Bool { unsafe space.pointee.map.isRAM(address) }

  var ram: GuestRAM<Host.Format> { unsafe GuestRAM(space) }

  /// The core that this node's vCPU number `slot` is pinned to.
  func core(of slot: Int) -> Int {
    guard serviceCore != nil else { return slot % node.coreCount }
    return 1 + slot % (node.coreCount - 1)
  }

  /// Cores that run vCPUs.
  var vCPUCoreCount: Int { serviceCore == nil ? node.coreCount : node.coreCount - 1 }

  /// Whether RAM stands behind `address` that this node may have to acquire.
  func mustAcquire(_ address: GuestPhysicalAddress) -> Bool {
    isDistributed && isRAM(address) && ended == nil
  }

  /// Leaves the machine that has ended; true for the last core.
  borrowing func leave() -> Bool {
    coresInside.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0
  }

  // MARK: Interrupts

  borrowing func addRoute(_ apic: LocalAPIC) -> Bool {
    routerLock.withLock { unsafe router.pointee.append(apicID: apic.id, apic.addressing) }
  }

  /// vCPU `index` of this node is addressed in another way from now on.
  borrowing func updateRoute(_ index: Int, _ addressing: APICAddressing) {
    noteRoute(index, addressing)
    tellAddressing(index, addressing)
  }

  borrowing func noteRoute(_ index: Int, _ addressing: APICAddressing) {
    routerLock.withLock { unsafe router.pointee.update(index, addressing) }
  }

  /// Posts a message to every vCPU that it is for, and kicks their cores.
  ///
  /// - Returns: how many of the vCPUs are on other nodes.
  @discardableResult
  borrowing func deliver(_ message: InterruptMessage, from source: Int?) -> Int {
    var remoteCount = 0
    let targets = routerLock.withLock { unsafe router.pointee.resolve(message, from: source) }
    for target in targets {
      if let slot = slot(ofVCPU: target) {
        post(message.deliveryMode, message.vector, message.trigger, to: slot)
      } else {
        forward(message, to: target)
        remoteCount += 1
      }
    }
    return remoteCount
  }

  /// Posts a message to a vCPU of this node, and kicks its core.
  borrowing func post(
    _ mode: InterruptMessage.DeliveryMode, _ vector: UInt8, _ trigger: InterruptMessage.TriggerMode,
    to slot: Int
  ) {
    switch mode {
    case .fixed, .lowestPriority: unsafe mailboxes[slot].post(vector, trigger: trigger)
    case .nmi: unsafe mailboxes[slot].post(.nmi)
    case .initialize: unsafe mailboxes[slot].post(.initialize)
    case .startUp: unsafe mailboxes[slot].post(.startUp(vector))
    case .smi: return
    }
    kick(slot)
  }

  borrowing func kick(_ slot: Int) {
    let target = core(of: slot)
    if target != Core.currentIndex { node.apic.kick(unsafe node.cores[target].apicID) }
  }

  // MARK: Shootdown

  var shootdown: Shootdown {
    get { unsafe currentShootdown.pointee }
    nonmutating set { unsafe currentShootdown.pointee = newValue }
  }

  borrowing func expectAcknowledgements(from count: Int) {
    unanswered.store(count, ordering: .sequentiallyConsistent)
  }

  borrowing func acknowledgeShootdown() { unanswered.wrappingSubtract(1, ordering: .releasing) }

  /// Pages that `debug.move` has come to.
  var movedPages: Int { moved.load(ordering: .relaxed) }

  borrowing func countMovedPage() { moved.wrappingAdd(1, ordering: .relaxed) }

  var isShootdownOver: Bool { unanswered.load(ordering: .acquiring) == 0 }

  // MARK: Devices

  /// Calls `body` with the devices, then moves what their serial ports have sent, and sends the interrupts that
  /// follow.
  borrowing func withPlatform<Result>(_ body: (inout Platform) -> Result) -> Result {
    let (result, request) = platformLock.withLock { () -> (Result, PowerRequest?) in
      let result = unsafe body(&platform.pointee)
      if unsafe platform.pointee.hasTransmitted { unsafe drainSerialPorts(&platform.pointee) }
      while let message = unsafe platform.pointee.nextInterrupt() { deliver(message, from: nil) }
      return unsafe (result, platform.pointee.powerRequest)
    }
    if let request { end(request == .powerOff ? .powerOff : .reset) }
    return result
  }

  private borrowing func drainSerialPorts(_ platform: inout Platform) {
    node.consoleLock.withLock {
      Self.move(&platform, .com1, to: .guestCOM1)
      Self.move(&platform, .com2, to: .guestCOM2)
      unsafe node.console.pointee.poll()
    }
  }

  /// Feeds the console's UART, and gives the guest what has been typed.
  private borrowing func pollConsole(_ platform: inout Platform) {
    node.consoleLock.withLock {
      unsafe node.console.pointee.poll()
      while platform.canReceive(on: .com1), platform.canReceive(on: .com2),
        let (byte, channel) = unsafe node.console.pointee.read()
      {
        // There is no command line beside a guest.
        if channel == .command { continue }
        platform.receive(byte, on: channel == .guestCOM2 ? .com2 : .com1)
      }
    }
  }

  private static func move(
    _ platform: inout Platform, _ port: Platform.SerialPort, to channel: ConsoleChannel
  ) {
    while unsafe node.console.pointee.room > 0, let byte = platform.nextTransmitted(on: port) {
      unsafe node.console.pointee.write(byte, to: channel)
    }
  }

  /// Lets the devices' time pass and looks at the console; returns when that must happen again, in guest time.
  borrowing func advancePlatform() -> UInt64? {
    let now = now
    return withPlatform { platform in
      platform.advance(now: now)
      pollConsole(&platform)
      return platform.nextEvent
    }
  }

  borrowing func unclaimedPorts() -> (reads: UInt64, writes: UInt64) {
    platformLock.withLock { unsafe (platform.pointee.unclaimedReads, platform.pointee.unclaimedWrites) }
  }

  // MARK: The end

  var ended: EndOfRun? {
    @inline(__always) get { EndOfRun(rawValue: ending.load(ordering: .acquiring)) }
  }

  borrowing func processorStarted() { runningCount.wrappingAdd(1, ordering: .relaxed) }

  /// A vCPU that INIT has sent back to wait for a start-up IPI.
  borrowing func processorParked() { runningCount.wrappingSubtract(1, ordering: .relaxed) }

  /// A vCPU whose state cannot be entered stands still; when that is true of all, so does the machine.
  borrowing func processorStopped() {
    // How many run on other nodes is not known here.
    let isLast = runningCount.wrappingSubtract(1, ordering: .relaxed).newValue == 0
    if isLast || isDistributed { end(.fault) }
  }

  /// Ends the virtual machine, for the first reason that is given.
  borrowing func end(_ reason: EndOfRun, tellsOthers: Bool = true) {
    guard
      ending.compareExchange(expected: 0, desired: reason.rawValue, ordering: .acquiringAndReleasing)
        .exchanged
    else { return }
    if tellsOthers { announceEnd(reason) }
    for slot in 0..<processorCount { unsafe mailboxes[slot].post(.stop) }
    // Every core, also one without a vCPU: all of them leave.
    for core in 0..<node.coreCount where core != Core.currentIndex {
      node.apic.kick(unsafe node.cores[core].apicID)
    }
  }
}
