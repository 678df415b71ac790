import Ethernet
import Cluster
import Support
import Wire

/// Nodes on an Ethernet with faults, in virtual time: the same seed gives the same run.
final class ClusterSimulation {
  /// The present boot of each node; nil before its first.
  private(set) var nodes: [SimulatedNode?]
  /// All boots there have been.
  private(set) var boots: [SimulatedNode] = []
  var faults: NetworkFaults
  var generator: SeededGenerator
  private(set) var now: UInt64 = 1_000_000
  private(set) var frameCount = 0
  /// Whether to print what happens, as whoever looks into a seed that fails wants to see it.
  var isTraced = false
  let options: ClusterOptions
  /// What a node announces; by default nothing special.
  var announcement: (Int) -> Announcement = { _ in ClusterSimulation.announcement }
  var address: (Int) -> MACAddress = { MACAddress(0x0200_0000_0000 + UInt64($0)) }
  /// Frames from the first node to the second that do not arrive.
  private var cuts: Set<[Int]> = []
  private var events = EventQueue<Event>()
  private var wakes: [UInt64]
  var failure: String?
  /// How the clock of a node drifts, in parts per million.
  private let drifts: [Int64]
  private var buffer = [UInt8](repeating: 0xAA, count: FrameLayout.maximumFrameCount)

  private enum Event {
    case arrival(node: Int, frame: [UInt8])
    case wake(node: Int)
    case action((ClusterSimulation) -> Void)
  }

  static var announcement: Announcement {
    var announcement = Announcement()
    announcement.coreCount = 2
    announcement.memorySize = 1 << 30
    announcement.tscFrequency = 2_000_000_000
    return announcement
  }

  init(seed: UInt64, machineCount: Int, options: ClusterOptions, faults: NetworkFaults = .none) {
    var generator = SeededGenerator(seed: seed)
    nodes = [SimulatedNode?](repeating: nil, count: machineCount)
    wakes = [UInt64](repeating: .max, count: machineCount)
    // Any two drift apart by less than 100 ppm.
    drifts = (0..<machineCount).map { _ in Int64.random(in: -49...49, using: &generator) }
    self.options = options
    self.faults = faults
    self.generator = generator
  }

  // MARK: What happens to nodes

  func after(_ delay: UInt64, _ action: @escaping (ClusterSimulation) -> Void) {
    events.add(.action(action), at: now + delay)
  }

  /// A node boots, whether it was running or not.
  func boot(_ index: Int) {
    nodes[index]?.isUp = false
    let node = SimulatedNode(
      index: index, address: address(index),
      incarnation: Incarnation(UInt32(truncatingIfNeeded: generator.next()) | 1),
      announcement: announcement(index), options: options, clockOffset: generator.next() >> 20,
      clockDrift: drifts[index], at: now)
    nodes[index] = node
    boots.append(node)
    wakes[index] = .max
    pump(index)
  }

  func bootAll() { for index in nodes.indices { boot(index) } }

  func kill(_ index: Int) { nodes[index]?.isUp = false }

  func pause(_ index: Int, for time: UInt64) { nodes[index]?.pausedUntil = now + time }

  /// Lets nothing pass from one node to another.
  func cut(from sender: Int, to receiver: Int) { cuts.insert([sender, receiver]) }

  func partition(_ side: Set<Int>) {
    for index in nodes.indices {
      for other in nodes.indices where side.contains(index) != side.contains(other) {
        cut(from: index, to: other)
      }
    }
  }

  /// Ends all cuts and partitions.
  func mend() { cuts = [] }

  func heal() {
    mend()
    faults = .none
  }

  var running: [SimulatedNode] { nodes.compactMap { $0 }.filter(\.isUp) }

  // MARK: Running

  /// Runs for `duration` nanoseconds.
  ///
  /// - Returns: what went wrong first.
  func run(_ duration: UInt64) -> String? {
    let end = now + duration
    return run { $0.now >= end }
  }

  /// Runs until `condition` holds, which is asked every 5 ms; nothing if it does within `limit`.
  func run(limit: UInt64 = 60_000_000_000, until condition: @escaping (ClusterSimulation) -> Bool) -> String?
  {
    let end = now + limit
    var isDone = false
    func check(_ simulation: ClusterSimulation) {
      isDone = condition(simulation)
      if !isDone { simulation.after(5_000_000, check) }
    }
    check(self)
    while !isDone {
      guard let (time, event) = events.next(), time <= end + 5_000_000 else { return "too late" }
      now = time
      perform(event)
      if let failure { return failure }
    }
    return nil
  }

  private func perform(_ event: Event) {
    switch event {
    case .arrival(let index, let frame):
      guard let node = nodes[index], node.isUp else { return }
      // Its network interface keeps what comes meanwhile.
      if node.pausedUntil > now { return events.add(event, at: node.pausedUntil) }
      run(node) { $0.receive(frame, at: now) }
    case .wake(let index):
      if wakes[index] == now { wakes[index] = .max }
      guard let node = nodes[index], node.isUp else { return }
      if node.pausedUntil > now { return wake(index, at: node.pausedUntil) }
      run(node) { $0.advance(at: now) }
    case .action(let action): action(self)
    }
  }

  private func run(_ node: SimulatedNode, _ action: (SimulatedNode) -> Void) {
    let mapCount = node.installed.count
    action(node)
    if node.installed.count > mapCount { checkMaps(of: node) }
    pump(node.index)
    failure = failure ?? node.failure
  }

  private func pump(_ index: Int) {
    guard let node = nodes[index], node.isUp else { return }
    if isTraced { traceEvents(of: node) }
    while let (destination, frame) = node.nextFrame(at: now, &buffer) {
      transmit(frame, from: index, to: destination)
    }
    let deadline = min(node.membership.deadline, node.links.deadline)
    if deadline != .never { wake(index, at: max(now + 1, node.time(deadline))) }
  }

  private func wake(_ index: Int, at time: UInt64) {
    guard time < wakes[index] else { return }
    wakes[index] = time
    events.add(.wake(node: index), at: time)
  }

  private func happens(_ probability: Double) -> Bool {
    probability > 0 && Double.random(in: 0..<1, using: &generator) < probability
  }

  /// Sends a frame as if `sender` had: to one address, or to all.
  func transmit(_ frame: [UInt8], from sender: Int, to destination: MACAddress) {
    frameCount += 1
    if isTraced { trace(frame, from: sender) }
    for index in nodes.indices where index != sender && !cuts.contains([sender, index]) {
      guard destination == .broadcast || destination == address(index), !happens(faults.loss) else {
        continue
      }
      deliver(frame, to: index)
      if happens(faults.duplication) { deliver(frame, to: index) }
    }
  }

  private func deliver(_ frame: [UInt8], to index: Int) {
    var time = now + 20_000 + generator.next() % 20_000
    if happens(faults.reordering) { time += generator.next() % 5_000_000 }
    if happens(faults.delay) { time += generator.next() % 60_000_000 }
    events.add(.arrival(node: index, frame: frame), at: time)
  }

  /// Hands `message` to a node, in a frame that a stranger or a member may have sent.
  ///
  /// - Returns: the refusals that the node sends at once.
  func inject(
    _ message: some WireMessage, from source: MACAddress, _ incarnation: Incarnation, id: NodeID = .none,
    _ epoch: Epoch = Epoch(0), to index: Int, _ change: (inout FrameHeader) -> Void = { _ in }
  ) -> [Refusal] {
    guard let node = nodes[index] else { return [] }
    var header = FrameHeader(destination: .broadcast, source: source, kind: message.kind)
    header.sender = id
    header.senderIncarnation = incarnation
    header.epoch = epoch
    header.cluster = ClusterID(7)
    header.bodyCount = message.byteCount
    change(&header)
    var frame = [UInt8](repeating: 0, count: header.frameCount)
    var bytes = frame.mutableSpan
    header.write(to: &bytes)
    message.write(to: &bytes, at: FrameLayout.body)
    header.seal(&bytes, using: ProcessorByteRoutines())
    // What it has to send anyhow goes first.
    pump(index)
    node.receive(frame, at: now)
    var refusals: [Refusal] = []
    while let (destination, frame) = node.nextFrame(at: now, &buffer) {
      do {
        let header = try FrameHeader(frame.span, using: ProcessorByteRoutines())
        guard header.kind == .refusal else { continue }
        refusals.append(try Refusal(header, in: frame.span))
        if destination != source || header.receiverIncarnation == .none {
          node.fail("a refusal to \(destination)")
        }
      } catch { node.fail("a bad frame") }
    }
    return refusals
  }
}
