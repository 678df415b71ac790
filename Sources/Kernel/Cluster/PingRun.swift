import Wire

/// The command `ping`: one message there and back after the other.
struct PingRun: ~Copyable {
  let id: NodeID
  let count: Int
  let size: Int
  /// Round-trip times in nanoseconds, of those that have come back.
  private(set) var times: [UInt32]
  /// Answers without the bytes that were sent.
  private(set) var damagedCount = 0
  /// What the service loop had counted of its work at the start.
  let ticksBefore: UInt64
  /// The number of the ping under way.
  private(set) var number: UInt32

  init(id: NodeID, count: Int, size: Int, firstNumber: UInt32, ticksBefore: UInt64) {
    self.id = id
    self.count = count
    self.size = size
    self.ticksBefore = ticksBefore
    number = firstNumber
    times = []
    times.reserveCapacity(count)
  }

  var isOver: Bool { times.count == count }

  /// Takes an answer; false where it is another ping's.
  mutating func take(_ number: UInt32, after nanoseconds: UInt64, isIntact: Bool) -> Bool {
    guard number == self.number, !isOver else { return false }
    self.number &+= 1
    times.append(UInt32(clamping: nanoseconds))
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
  consuming func summary() -> Summary {
    times.sort()
    return Summary(
      minimum: times[0], median: times[times.count / 2], percentile99: times[(times.count - 1) * 99 / 100])
  }
}
