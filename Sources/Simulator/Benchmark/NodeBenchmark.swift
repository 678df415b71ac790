import Coherence
import Memory
import Wire

/// How many events a second whole nodes handle: links that lose frames, pages with their contents, evictions, heartbeats.
/// An event is a frame that comes, or something that the driver reports.
struct NodeBenchmark: Benchmark {
  private let nodes: [BenchmarkNode]
  private let network: BenchmarkNetwork
  private var now: UInt64 = 1_000_000
  private var random = SplitMix64(seed: 1)
  /// Is called once a round.
  var disturb: () -> Void = {}

  /// From one round to the next; what is sent in one arrives in the next.
  private static let roundTime: UInt64 = 20_000
  private static let formationRounds = 100_000
  private static let loss = 0.01
  private static let pagesPerNode = 64

  /// Nil where the cluster does not form.
  init?(nodeCount: Int) {
    let instant = Instant(nanoseconds: now)
    let pageCount = Self.pagesPerNode * nodeCount
    nodes = (0..<nodeCount).map {
      // Too few frames for all pages: nodes evict.
      BenchmarkNode($0, nodeCount: nodeCount, frameCount: pageCount / 2 + 48, at: instant)
    }
    network = BenchmarkNetwork(nodeCount: nodeCount)
    for _ in 0..<Self.formationRounds where !nodes.allSatisfy(\.hasFormed) { playRound() }
    guard nodes.allSatisfy(\.hasFormed) else { return nil }
    let homes = HomeMap(pageCounts: nodes.map { _ in UInt64(Self.pagesPerNode) })
    for node in nodes { node.startMemory(homes) }
  }

  /// Whether nothing has happened that must not.
  var isSound: Bool { nodes.allSatisfy { !$0.hasStopped } && network.overflowCount == 0 }

  /// What the links and the memory were put to.
  var retransmissionCount: UInt64 { nodes.reduce(0) { $0 + $1.retransmissionCount } }
  var fullFrameCount: Int { network.fullFrameCount }
  var evictionCount: Int { network.evictionCount }
  var eventCount: Int { nodes.reduce(0) { $0 + $1.eventCount } }

  mutating func play(_ count: Int) {
    let end = eventCount + count
    while eventCount < end, isSound { playRound() }
  }

  private mutating func playRound() {
    disturb()
    now += Self.roundTime
    let instant = Instant(nanoseconds: now)
    for _ in 0..<network.count {
      if !random.chance(Self.loss) { network.deliverNext(to: nodes, at: instant) }
      network.removeNext()
    }
    for node in nodes {
      node.goOn(&random)
      if instant >= node.engine.deadline { node.engine.advance(at: instant) }
      node.act()
      network.takeFrames(of: node, at: instant)
    }
  }
}
