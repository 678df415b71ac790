import CPU
import Cluster
import Coherence
import EPT
import Machine
import Memory
import Node
import Wire

// One virtual machine of several nodes, on one of them: what stands between the node's engine and its vCPUs. The core that
// works for the engine (`work`) feeds it with frames, does what it wants of this node's tables, and sends what follows.
// That may be any core, one at a time: the node's service core, and each that has a vCPU waiting for a page.

/// The cluster, as this node's part of the virtual machine uses it.
@safe
struct ClusterGuest: ~Copyable {
  let service: UnsafeMutablePointer<ClusterService>
  let layout: GuestLayout
  let local: NodeID
  /// The epoch that the virtual machine has begun in; with the next one it ends.
  private let epoch: Epoch
  /// Cluster time at which the guest's TSC was 0, in nanoseconds, and ticks of that TSC in a second of cluster time.
  let startTime: UInt64
  let tickRate: UInt64

  let outbox: UnsafeMutablePointer<GuestOutbox>
  var shootdowns: ShootdownLog
  /// What each of this node's vCPUs waits for, and behind them the loader.
  private var faults: [PageFault]
  private var faultNumber: UInt64 = 0
  /// What the device said that a vCPU waits for.
  var replies: [UInt32?]
  /// How many answers to its writes each vCPU has not waited for. They come before the answer that it waits for.
  var unansweredWrites: [Int]
  /// Nodes that have yet to say that their memory has started; on the loading node.
  var unready: NodeSet
  /// What all nodes have measured; on the loading node.
  var distances: NodeDistances
  /// Answers that a vCPU still waits for since it has told all nodes how it is addressed.
  var unansweredAddressings = 0
  var counters = PageFaultCounters()
  var hotPages = HotPages()
  private var nextClockReading: UInt64 = 0

  /// - Parameter outbox: of this node, for good.
  init(_ start: ClusterStart, layout: GuestLayout, processorCount: Int) {
    unsafe service = start.service
    self.layout = layout
    local = unsafe service.pointee.engine.links.local.id
    epoch = start.epoch
    startTime = start.plan.startTime
    tickRate = start.tickRate
    unsafe outbox = .allocate(capacity: 1)
    unsafe outbox.initialize(to: GuestOutbox())
    shootdowns = ShootdownLog(processorCount: processorCount)
    faults = [PageFault](repeating: PageFault(), count: processorCount + 1)
    replies = [UInt32?](repeating: nil, count: processorCount)
    unansweredWrites = [Int](repeating: 0, count: processorCount)
    distances = NodeDistances(nodeCount: layout.nodeCount)
    unready = unsafe service.pointee.engine.membership.map.members
    unready.remove(local)
  }

  /// Node 0 loads the guest, and has its devices.
  static var deviceNode: NodeID { NodeID(0) }

  // MARK: Work

  /// Takes the frames that have come, does what the engine wants, and sends; whether there was anything to do.
  mutating func work<Host: Backend>(_ vm: borrowing VirtualMachine<Host>) -> Bool {
    finishShootdowns(vm)
    var round = unsafe service.pointee.beginRound()
    while round.count < ClusterService.batch, unsafe service.pointee.receiveFrame(&round) {
      if let (message, sender) = unsafe service.pointee.engine.takeGuestMessage() {
        receive(message, from: sender, vm)
      }
      act(vm)
    }
    unsafe service.pointee.advance(&round)
    act(vm)
    unsafe outbox.pointee.drain { message, receiver in send(message, to: receiver) }
    let hasWorked = unsafe service.pointee.send(&round)
    lookAround(vm)
    return hasWorked
  }

  /// What has to be looked after, whatever comes.
  private mutating func lookAround<Host: Backend>(_ vm: borrowing VirtualMachine<Host>) {
    let now = readTSC()
    guard now >= nextClockReading else { return }
    nextClockReading = now &+ node.clock.ticks(microseconds: 1000)
    readClock(vm)
    retryPutOff(vm)
    if unsafe service.pointee.isEnding { vm.end(.powerOff) }
    guard unsafe service.pointee.engine.membership.map.epoch != epoch, vm.ended == nil else { return }
    // Which one, and when it was heard last.
    unsafe service.pointee.reportEvents()
    log.error("guest stopped: a node of its cluster has gone")
    vm.end(.fault)
  }

  /// False where the link has no room.
  func send(_ message: GuestMessage, to receiver: NodeID) -> Bool {
    do {
      try unsafe service.pointee.engine.send(message, to: receiver)
    } catch {
      // A node that has gone has taken the virtual machine with it.
      return error != .full
    }
    return true
  }

  /// The guest's TSC follows the cluster's clock.
  private func readClock<Host: Backend>(_ vm: borrowing VirtualMachine<Host>) {
    let tsc = readTSC()
    let instant = Instant(nanoseconds: node.clock.nanosecondsSinceBoot(at: tsc))
    guard let time = unsafe service.pointee.engine.membership.clock.time(at: instant) else { return }
    vm.setTime(Clock.scale(max(time, startTime) - startTime, by: tickRate, over: 1_000_000_000), at: tsc)
  }

  // MARK: Faults

  /// Where the loader's fault is kept.
  var loader: Int { faults.count - 1 }

  /// Reports a fault of vCPU `index`, or of the loader.
  mutating func begin<Host: Backend>(
    _ index: Int, _ page: PageNumber, _ access: PageAccess, holdsPin: Bool,
    _ vm: borrowing VirtualMachine<Host>
  ) {
    faults[index].page = page
    faults[index].access = access
    faults[index].holdsPin = holdsPin
    faults[index].progress = FaultProgress(access, start: readTSC())
    if access == .read { counters.reads &+= 1 } else { counters.writes &+= 1 }
    report(index, vm)
  }

  /// Counts what vCPU `index` has waited, which waits no more.
  ///
  /// - Parameter start: in TSC ticks.
  /// - Returns: whether its page has come from another node.
  mutating func countWait(_ index: Int, since start: UInt64) -> Bool {
    counters.waitedTicks &+= readTSC() &- start
    guard case .settled = faults[index].state else { return false }
    return faults[index].kind.isRemote
  }

  /// Keeps in mind which of the guest's instructions vCPU `index` has waited at.
  mutating func noteInstruction(_ address: UInt64, of index: Int) {
    hotPages.add(faults[index].page, faults[index].access, at: address)
  }

  /// Whether the page of vCPU `index`'s fault, or the loader's, is pinned; nil as long as the fault is not settled.
  func isPinned(_ index: Int) -> Bool? {
    if case .settled(let isPinned) = faults[index].state { isPinned } else { nil }
  }

  mutating func release<Host: Backend>(_ page: PageNumber, _ vm: borrowing VirtualMachine<Host>) {
    unsafe service.pointee.engine.release(page)
    act(vm)
  }

  private mutating func report<Host: Backend>(_ index: Int, _ vm: borrowing VirtualMachine<Host>) {
    faultNumber += 1
    faults[index].number = faultNumber
    faults[index].state = .waiting
    let fault = faults[index]
    unsafe faults[index].progress.report(service.pointee.engine.version(of: fault.page))
    faults[index].isBeingReported = true
    if unsafe service.pointee.engine.fault(fault.page, fault.access, holdsPin: fault.holdsPin) {
      faults[index].holdsPin = false
    } else {
      faults[index].state = .putOff
    }
    act(vm, faulting: index)
    faults[index].isBeingReported = false
  }

  /// The fault on `page` that was reported first, of those that the engine has taken.
  private func oldestFault(on page: PageNumber) -> Int? {
    var found: Int?
    for index in faults.indices where isWaiting(index, for: page) {
      if let other = found, faults[other].number < faults[index].number { continue }
      found = index
    }
    return found
  }

  private func isWaiting(_ index: Int, for page: PageNumber) -> Bool {
    guard case .waiting = faults[index].state else { return false }
    return faults[index].page == page
  }

  // MARK: Actions

  /// Does what the engine wants of this node.
  ///
  /// - Parameter faulting: whose fault has just been reported.
  mutating func act<Host: Backend>(_ vm: borrowing VirtualMachine<Host>, faulting: Int? = nil) {
    while let action = unsafe service.pointee.engine.nextAction() {
      switch action {
      case .map(let page, let access, let frame):
        guard vm.isRAM(page.address) else { return stop("page \(hex: page.value) is no RAM", vm) }
        change(vm) { () throws(PageTableError) in
          try unsafe vm.space.pointee.grant(page, in: frame, access == .write ? .all : [.read, .execute])
        }
      case .protect(let page): take(page, leaving: [.read, .execute], vm)
      case .unmap(let page): take(page, leaving: [], vm)
      case .resume(let page, let isPinned): resume(page, isPinned, faulting: faulting, vm)
      case .retry(let page):
        retry(vm) { fault in
          if case .waiting = fault.state { fault.page == page } else { false }
        }
      case .retryPutOff: retryPutOff(vm)
      case .stop(let fault): stop(fault.summary, vm)
      }
    }
  }

  private func stop<Host: Backend>(_ reason: LogLine, _ vm: borrowing VirtualMachine<Host>) {
    guard vm.ended == nil else { return }
    log.error("guest stopped: \(line: reason)")
    vm.end(.fault)
  }

  private func change<Host: Backend>(
    _ vm: borrowing VirtualMachine<Host>, _ body: () throws(PageTableError) -> Void
  ) {
    do {
      try body()
    } catch {
      stop("its pages cannot be mapped: \(error.summary)", vm)
    }
  }

  private mutating func resume<Host: Backend>(
    _ page: PageNumber, _ isPinned: Bool, faulting: Int?, _ vm: borrowing VirtualMachine<Host>
  ) {
    let own = faulting.flatMap { isWaiting($0, for: page) ? $0 : nil }
    guard let index = own ?? oldestFault(on: page) else {
      return stop("page \(hex: page.value) was granted, and nobody waits for it", vm)
    }
    faults[index].state = .settled(isPinned: isPinned)
    count(index)
    if index != loader { vm.kick(index) }
  }

  /// Counts a fault that has just been settled.
  private mutating func count(_ index: Int) {
    let fault = faults[index]
    let version = unsafe service.pointee.engine.version(of: fault.page)
    faults[index].kind = fault.progress.kind(isAtOnce: fault.isBeingReported, version)
    counters.settled.add(
      faults[index].kind, microseconds: node.clock.microseconds(readTSC() &- fault.progress.start))
  }

  private mutating func retry<Host: Backend>(
    _ vm: borrowing VirtualMachine<Host>, where isMeant: (PageFault) -> Bool
  ) {
    // A report may lead to others, so those that are meant are found first.
    let last = faultNumber
    for index in faults.indices where faults[index].number <= last && isMeant(faults[index]) {
      counters.retries &+= 1
      report(index, vm)
    }
  }

  /// The engine asks for it when there is room again; it also looks for room whenever it is asked.
  private mutating func retryPutOff<Host: Backend>(_ vm: borrowing VirtualMachine<Host>) {
    retry(vm) { fault in if case .putOff = fault.state { true } else { false } }
  }

  private mutating func take<Host: Backend>(
    _ page: PageNumber, leaving permissions: PagePermissions, _ vm: borrowing VirtualMachine<Host>
  ) {
    change(vm) { () throws(PageTableError) in
      try unsafe vm.space.pointee.restrict(page, to: permissions)
    }
    counters.shootdowns &+= 1
    guard shootdowns.append(Shootdown(page: page, permissions: permissions)) else {
      return stop("too many shootdowns are under way", vm)
    }
    vm.announceShootdown()
  }

  private mutating func finishShootdowns<Host: Backend>(_ vm: borrowing VirtualMachine<Host>) {
    while let page = shootdowns.nextFinished() {
      unsafe service.pointee.engine.shotDown(page)
      act(vm)
    }
  }
}
