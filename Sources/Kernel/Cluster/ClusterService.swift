import CPU
import Cluster
import Debug
import E1000
import Memory
import Node
import Wire

// The service loop: the core that runs it polls the controller and the console, and drives the node's engine. It never
// waits for another node. When nothing has come for a while it halts; the controller's doorbell, or the timer at the
// engine's deadline, ends that.

typealias Engine = NodeEngine<ProcessorByteRoutines, NodePages>

/// This PC as a node of its cluster.
@safe
struct ClusterService: ~Copyable {
  var engine: Engine
  let nic: UnsafeMutablePointer<NIC>
  var commandLine = CommandLine()
  var pingRun = PingRun()
  var isEnding = false
  /// Whether all nodes have found each other.
  var hasFormed = false
  /// Whether this node was booted with a guest's kernel.
  var hasGuest = false
  /// Whether the controller's interrupt ends runs of the guest.
  var rings = false
  /// The guest that is to begin.
  var plan: GuestPlan?
  /// An answer that is being put out.
  var listing: Listing?
  /// The first member that the report of the last map still has to name.
  var nextReported: Int?
  /// Events that nobody was told of, as of the last time that this was said.
  var lostEventCount: UInt64 = 0

  /// Work on pings: rounds of the loop that took some or answers to some, or parts of them, and the TSC's ticks that these
  /// rounds have taken.
  var pingRounds: UInt64 = 0
  var pingTicks: UInt64 = 0

  private var lastWork: UInt64 = 0
  private var nextChores: UInt64 = 0
  private var nextSupervision: UInt64 = 0
  private var nextReading: UInt64 = 0

  init(engine: consuming Engine, nic: UnsafeMutablePointer<NIC>) {
    self.engine = engine
    unsafe self.nic = nic
  }

  /// How long the loop polls after its last work before it halts: longer than an answer takes on a fast network.
  static let pollTime: UInt64 = 50_000
  /// How often it looks at the console: a UART's FIFO of 16 bytes fills in 1.4 ms at 115,200 baud.
  private static let choreInterval: UInt64 = 1_000_000
  /// How often it looks after the controller's link.
  private static let supervisionInterval: UInt64 = 10_000_000
  /// How often it reads the controller's own counters, which stand still when they are full.
  private static let readingInterval: UInt64 = 1_000_000_000
  /// Frames that are taken before others are sent.
  static let batch = 32

  /// Runs until the command line ends this node, or a guest can begin.
  mutating func run() -> GuestPlan? {
    commandLine.prompt(engine.links.local.id)
    while !isEnding {
      let hasWorked = exchangeFrames()
      if hasFormed, plan == nil, hasGuest { plan = makePlan() }
      if hasFormed, plan != nil { return plan }
      let now = node.clock.nanosecondsSinceBoot(at: readTSC())
      if hasWorked { lastWork = now }
      // However much there is to do: a network at its limit must not keep people from their commands.
      if now >= nextChores {
        doChores()
      } else if !hasWorked, now &- lastWork >= Self.pollTime {
        sleep()
      }
    }
    return nil
  }

  /// From here on the controller's interrupt ends whatever its core does.
  mutating func ringAlways() {
    rings = unsafe DoorbellInterrupt.isConnected
    if rings { unsafe nic.pointee.doorbell.set(true) }
  }

  // MARK: Frames

  /// One turn of the loop: some frames come, and some go.
  struct Round {
    let start: UInt64
    let pingsBefore: UInt64
    var count = 0
    var now: Instant
  }

  func beginRound() -> Round {
    let start = readTSC()
    return Round(
      start: start, pingsBefore: engine.pingFrameCount,
      now: Instant(nanoseconds: node.clock.nanosecondsSinceBoot(at: start)))
  }

  /// Takes a frame, if one has come.
  mutating func receiveFrame(_ round: inout Round) -> Bool {
    let nic = unsafe self.nic
    guard unsafe nic.pointee.receiver.advance() else { return false }
    // Each frame has a time of its own, which is never before it came: the cluster's clock relies on that.
    round.now = instant
    round.count += 1
    unsafe engine.receive(nic.pointee.receiver.frame, at: round.now)
    // What has happened comes before what the next frame says.
    reportEvents()
    return true
  }

  /// Does what is due.
  mutating func advance(_ round: inout Round) {
    if round.now >= engine.deadline { engine.advance(at: round.now) }
    if engine.pingFrameCount != round.pingsBefore { takePongs(round.now) }
  }

  /// Sends the frames that are to go; whether there was anything to do in the round.
  mutating func send(_ round: inout Round) -> Bool {
    let nic = unsafe self.nic
    while engine.hasFrames || round.now >= engine.links.deadline {
      guard unsafe sendFrame(&nic.pointee.transmitter, round.now) else { break }
      round.count += 1
    }
    guard round.count > 0 else { return false }
    unsafe nic.pointee.transmitter.flush()
    if engine.pingFrameCount != round.pingsBefore {
      pingRounds += 1
      pingTicks &+= readTSC() &- round.start
      finishPing()
    }
    return true
  }

  private mutating func sendFrame(
    _ transmitter: inout TransmitRing<ControllerRegisters, DMARun>, _ now: Instant
  ) -> Bool {
    guard var frame = transmitter.nextFrame(), let count = engine.writeFrame(to: &frame, at: now) else {
      return false
    }
    transmitter.send(count)
    return true
  }

  /// A turn without a guest; whether there was anything to do.
  @discardableResult
  mutating func exchangeFrames() -> Bool {
    var round = receiveFrames()
    advance(&round)
    return send(&round)
  }

  /// The first part of such a turn.
  mutating func receiveFrames() -> Round {
    var round = beginRound()
    while round.count < Self.batch, receiveFrame(&round) { takePlan() }
    return round
  }

  /// What a node says of a guest before there is one.
  private mutating func takePlan() {
    guard let (message, sender) = engine.takeGuestMessage() else { return }
    guard case .plan(let size, let frequency, let start) = message, sender == ClusterGuest.deviceNode,
      plan == nil
    else { return log.warning("cluster: node \(sender) speaks of a guest that this node does not know") }
    plan = GuestPlan(ramSize: size, frequency: frequency, startTime: start)
  }

  // MARK: Chores

  /// What can wait for a millisecond.
  ///
  /// - Parameter hasGuestConsole: whether what is typed is for the guest.
  mutating func doChores(hasGuestConsole: Bool = false) {
    let now = node.clock.nanosecondsSinceBoot(at: readTSC())
    nextChores = now &+ Self.choreInterval
    reportEvents()
    continueMapReport()
    retryPing()
    if !hasGuestConsole { pollConsole() }
    guard now >= nextSupervision else { return }
    nextSupervision = now &+ Self.supervisionInterval
    if let event = unsafe nic.pointee.supervise(now: now / 1000) {
      reportController(event)
      if rings { unsafe nic.pointee.doorbell.set(true) }
    }
    unsafe nic.pointee.count(DoorbellInterrupt.takeCauses())
    guard now >= nextReading else { return }
    nextReading = now &+ Self.readingInterval
    unsafe nic.pointee.readLineCounters()
    reportLostEvents()
  }

  var areChoresDue: Bool { node.clock.nanosecondsSinceBoot(at: readTSC()) >= nextChores }

  /// When there is something to do unless the controller rings, as the TSC has it; nil where its ring of frames to send is
  /// full, of which it would not ring when that ends.
  var wakeUpTime: UInt64? {
    let isOpen = unsafe nic.pointee.transmitter.isOpen
    guard !(isOpen && engine.hasFrames) else { return nil }
    // Without a link nothing can be sent, whatever is due.
    let deadline = isOpen ? min(engine.deadline.nanoseconds, nextChores) : nextChores
    return node.clock.time(nanosecondsSinceBoot: deadline)
  }

  /// Halts until there is something to do. Where the controller's interrupt does not reach this core the core goes on
  /// polling.
  private mutating func sleep() {
    guard unsafe DoorbellInterrupt.isConnected, wakeUpTime != nil else { return pause() }
    let doorbell = unsafe nic.pointee.doorbell
    doorbell.set(true)
    // What came before that rings no bell.
    if exchangeFrames() {
      lastWork = node.clock.nanosecondsSinceBoot(at: readTSC())
    } else if let deadline = wakeUpTime, deadline > readTSC() {
      Core.arm(deadline)
      waitForInterrupt()
    }
    doorbell.set(false)
    unsafe nic.pointee.count(DoorbellInterrupt.takeCauses())
  }
}
