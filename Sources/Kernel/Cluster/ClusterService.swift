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
  private static let pollTime: UInt64 = 50_000
  /// How often it looks at the console: a UART's FIFO of 16 bytes fills in 1.4 ms at 115,200 baud.
  private static let choreInterval: UInt64 = 1_000_000
  /// How often it looks after the controller's link.
  private static let supervisionInterval: UInt64 = 10_000_000
  /// How often it reads the controller's own counters, which stand still when they are full.
  private static let readingInterval: UInt64 = 1_000_000_000
  /// Frames that are taken before others are sent.
  private static let batch = 32

  /// Runs until the command line ends this node.
  mutating func run() {
    commandLine.prompt(engine.links.local.id)
    while !isEnding {
      let hasWorked = exchangeFrames()
      let now = node.clock.nanosecondsSinceBoot(at: readTSC())
      if hasWorked { lastWork = now }
      // However much there is to do: a network at its limit must not keep people from their commands.
      if now >= nextChores {
        doChores(now)
      } else if !hasWorked, now &- lastWork >= Self.pollTime {
        sleep()
      }
    }
  }

  /// Takes the frames that have come and sends those that are to go; whether there were any.
  private mutating func exchangeFrames() -> Bool {
    let nic = unsafe self.nic
    let start = readTSC()
    let pingsBefore = engine.pingFrameCount
    var count = 0
    while count < Self.batch, unsafe nic.pointee.receiver.advance() {
      // Each frame has a time of its own, which is never before it came: the cluster's clock relies on that.
      let now = instant
      unsafe engine.receive(nic.pointee.receiver.frame, at: now)
      count += 1
      // What has happened comes before what the next frame says.
      reportEvents()
    }
    let now = count > 0 ? instant : Instant(nanoseconds: node.clock.nanosecondsSinceBoot(at: start))
    if now >= engine.deadline { engine.advance(at: now) }
    if engine.pingFrameCount != pingsBefore { takePongs(now) }
    while engine.hasFrames || now >= engine.links.deadline {
      guard unsafe sendFrame(&nic.pointee.transmitter, now) else { break }
      count += 1
    }
    guard count > 0 else { return false }
    unsafe nic.pointee.transmitter.flush()
    if engine.pingFrameCount != pingsBefore {
      pingRounds += 1
      pingTicks &+= readTSC() &- start
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

  /// What can wait for a millisecond.
  private mutating func doChores(_ now: UInt64) {
    nextChores = now &+ Self.choreInterval
    reportEvents()
    continueMapReport()
    retryPing()
    pollConsole()
    guard now >= nextSupervision else { return }
    nextSupervision = now &+ Self.supervisionInterval
    if let event = unsafe nic.pointee.supervise(now: now / 1000) { reportController(event) }
    guard now >= nextReading else { return }
    nextReading = now &+ Self.readingInterval
    unsafe nic.pointee.readLineCounters()
    reportLostEvents()
  }

  /// Halts until there is something to do. Where the controller's interrupt does not reach this core, or its ring of frames
  /// to send is full, of which it would not ring when that ends, the core goes on polling.
  private mutating func sleep() {
    let isOpen = unsafe nic.pointee.transmitter.isOpen
    guard unsafe DoorbellInterrupt.isConnected, !(isOpen && engine.hasFrames) else { return pause() }
    let doorbell = unsafe nic.pointee.doorbell
    doorbell.set(true)
    // What came before that rings no bell.
    if exchangeFrames() {
      lastWork = node.clock.nanosecondsSinceBoot(at: readTSC())
    } else {
      // Without a link nothing can be sent, whatever is due.
      let deadline = isOpen ? min(engine.deadline.nanoseconds, nextChores) : nextChores
      if deadline > node.clock.nanosecondsSinceBoot(at: readTSC()) {
        Core.arm(node.clock.time(nanosecondsSinceBoot: deadline))
        waitForInterrupt()
      }
    }
    doorbell.set(false)
    unsafe nic.pointee.count(DoorbellInterrupt.takeCauses())
  }
}
