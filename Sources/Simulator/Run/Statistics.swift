/// What a run has counted, from the first access to the last.
struct Statistics {
  enum FaultKind: Int, CaseIterable {
    /// Of a page that nobody had touched, on its home: without a message.
    case firstTouch
    /// Others without a message.
    case local
    case read
    case write
    case upgrade

    var name: String {
      switch self {
      case .firstTouch: "first touch"
      case .local: "local"
      case .read: "read"
      case .write: "write"
      case .upgrade: "upgrade"
      }
    }
  }

  /// One fault, from the access to its end.
  struct Sample {
    var total: UInt64
    var shares: Shares
    /// Messages that it had to wait for, one after another.
    var messageCount: Int
    /// Whether no other node had the page when it ended.
    var isUnshared: Bool
  }

  var samples = [[Sample]](repeating: [], count: FaultKind.allCases.count)
  var accessCount: UInt64 = 0
  var hitCount: UInt64 = 0
  /// Faults that had to be repeated, since the page had gone before the access.
  var repeatedFaults: UInt64 = 0
  var expiredPins: UInt64 = 0
  var putOffFaults: UInt64 = 0
  var shootdowns: UInt64 = 0

  /// Messages of the protocol by kind, without those sent again.
  var messages = [UInt64](repeating: 0, count: 16)
  /// Frames of messages about pages, and of nothing but acknowledgements, and all; with their bytes on the wire.
  var pageFrames: UInt64 = 0
  var pageBytes: UInt64 = 0
  var acknowledgementFrames: UInt64 = 0
  var acknowledgementBytes: UInt64 = 0
  var retransmissions: UInt64 = 0

  /// What the network did, formation and the last look at all pages included.
  var dropped: UInt64 = 0
  /// By links that were down, and by partitions.
  var cutOff: UInt64 = 0
  var corrupted: UInt64 = 0
  var replayed: UInt64 = 0
  var reordered: UInt64 = 0
  var heldBack: UInt64 = 0
  /// For want of room in the switch, or in the ring of a node.
  var overflows: UInt64 = 0
  var pauses: UInt64 = 0
  var linkFailures: UInt64 = 0
  var partitions: UInt64 = 0
  var oneWayPartitions: UInt64 = 0
  var eventCount: UInt64 = 0

  /// The rates of faults while there were any, and how many accesses were made until they ended.
  var rates = FaultRates.none
  var troubledAccesses: UInt64 = 0

  var lost: UInt64 { dropped + cutOff }
  var delayed: UInt64 { reordered + heldBack }
  var troubles: UInt64 { pauses + linkFailures + partitions + oneWayPartitions }

  /// Faults that took a message.
  var remoteFaultCount: Int {
    samples[FaultKind.read.rawValue].count + samples[FaultKind.write.rawValue].count
      + samples[FaultKind.upgrade.rawValue].count
  }

  /// By the number of messages on the critical path: how many faults of a kind there were.
  func paths(_ kind: FaultKind, where isCounted: (Sample) -> Bool = { _ in true }) -> [Int] {
    samples[kind.rawValue].reduce(into: []) { counts, sample in
      guard isCounted(sample) else { return }
      while counts.count <= sample.messageCount { counts.append(0) }
      counts[sample.messageCount] += 1
    }
  }

  var faultCount: Int { samples.reduce(0) { $0 + $1.count } }
  var messageCount: UInt64 { messages.reduce(0, +) }
}
