import Coherence
import Memory
import Wire

/// How many events a second the engine handles: nodes that fight for pages, without any network between them.
struct CoherenceBenchmark: Benchmark {
  private var engines: [CoherenceEngine<SoundRules>]
  /// Messages on their way, in the order in which they were sent.
  private var mail: [(message: CoherenceMessage, from: Int, to: Int)] = []
  private var firstMail = 0
  private var random: UInt64 = 1
  private(set) var eventCount = 0
  private let pageCount = 4096
  /// Is called once a round.
  var disturb: () -> Void = {}

  init(nodeCount: Int) {
    let homes = HomeMap(pageCounts: (0..<nodeCount).map { _ in UInt64(4096 / nodeCount) })
    engines = (0..<nodeCount).map { CoherenceEngine(local: NodeID(UInt16($0)), homes: homes) }
    mail.reserveCapacity(1024)
  }

  mutating func play(_ count: Int) {
    let end = eventCount + count
    while eventCount < end {
      disturb()
      let node = Int(next() % UInt64(engines.count))
      let page = PageNumber(next() % UInt64(pageCount))
      handle(next() % 3 == 0 ? .writeFault : .readFault, page, node)
      while firstMail < mail.count {
        let (message, from, to) = mail[firstMail]
        firstMail += 1
        engines[to].receive(message, from: NodeID(UInt16(from)))
        eventCount += 1
        act(to)
      }
      mail.removeAll(keepingCapacity: true)
      firstMail = 0
    }
  }

  /// A random number (xorshift).
  private mutating func next() -> UInt64 {
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return random >> 8
  }

  private mutating func handle(_ event: LocalEvent, _ page: PageNumber, _ node: Int) {
    eventCount += 1
    _ = engines[node].handle(event, on: page)
    act(node)
  }

  private mutating func act(_ node: Int) {
    while let action = engines[node].nextAction() {
      switch action {
      case .send(let message, let receiver): mail.append((message, node, receiver.index))
      case .protect(let page), .unmap(let page): handle(.shotDown, page, node)
      case .resume(let page, let isPinned): if isPinned { handle(.release, page, node) }
      default: break
      }
    }
  }
}
