import Debug
import Wire

/// The command `ping`: one message there and back after the other.
struct PingRun: ~Copyable {
  private(set) var isActive = false
  private(set) var id = NodeID.none
  private(set) var count = 0
  private(set) var size = 0
  /// Whether a ping is still to be sent, since its link had no room.
  var isHeldBack = false
  /// Answers without the bytes that were sent.
  private(set) var damagedCount = 0
  /// What the service loop had counted of its work at the start.
  private(set) var ticksBefore: UInt64 = 0
  /// The number of the ping under way: no other ping of this node ever had it.
  private(set) var number: UInt32 = 0
  /// Round-trip times in nanoseconds; the first `doneCount` are of those that have come back.
  private var times: [UInt32]
  private(set) var doneCount = 0

  init() { times = [UInt32](repeating: 0, count: Command.pingCounts.upperBound) }

  mutating func begin(_ id: NodeID, count: Int, size: Int, ticksBefore: UInt64) {
    self.id = id
    self.count = count
    self.size = size
    self.ticksBefore = ticksBefore
    isActive = true
    isHeldBack = false
    damagedCount = 0
    doneCount = 0
    number &+= 1
  }

  mutating func end() { isActive = false }

  var isOver: Bool { isActive && doneCount == count }

  /// Takes an answer; false where it is another ping's.
  mutating func take(_ number: UInt32, after nanoseconds: UInt64, isIntact: Bool) -> Bool {
    guard isActive, number == self.number, doneCount < count else { return false }
    self.number &+= 1
    times[doneCount] = UInt32(clamping: nanoseconds)
    doneCount += 1
    if !isIntact { damagedCount += 1 }
    return true
  }

  struct Summary {
    var minimum: UInt32
    var median: UInt32
    /// 99 of 100 were not slower.
    var percentile99: UInt32
  }

  /// Of at least one round trip.
  mutating func summary() -> Summary {
    times[..<doneCount].sort()
    return Summary(
      minimum: times[0], median: times[doneCount / 2], percentile99: times[(doneCount * 99 + 99) / 100 - 1])
  }
}
