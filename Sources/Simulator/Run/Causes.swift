// How long each part of a fault took is found by going back from its end: what the service core did last was caused by a
// frame, that by what another node did, and so on to the fault. Each step is one record, and the records of a chain follow
// one another in time without a gap, so that the parts add up to the whole.

/// Nanoseconds of a stretch of time, by what they were spent on.
struct Shares {
  /// On cables and in the switch.
  var wire: UInt64 = 0
  /// In rings and at the switch's ports, behind others' frames, and for a service core that does something else.
  var queue: UInt64 = 0
  /// By service cores, exits, entries and shootdowns.
  var cpu: UInt64 = 0
  /// For others who have the page, and for frames to be sent again.
  var waiting: UInt64 = 0

  var total: UInt64 { wire + queue + cpu + waiting }

  /// The last `limit` nanoseconds, or all.
  func last(_ limit: UInt64) -> Shares {
    var left = limit
    func take(_ part: UInt64) -> UInt64 {
      let taken = min(part, left)
      left -= taken
      return taken
    }
    var shares = Shares()
    shares.cpu = take(cpu)
    shares.wire = take(wire)
    shares.queue = take(queue)
    shares.waiting = take(waiting)
    return shares
  }

  static func += (left: inout Self, right: Self) {
    left.wire += right.wire
    left.queue += right.queue
    left.cpu += right.cpu
    left.waiting += right.waiting
  }
}

/// The records of what caused what; old ones are forgotten.
struct Causes {
  private struct Record {
    var number: UInt32 = 0
    var parent: UInt32 = 0
    var begin: UInt64 = 0
    var shares = Shares()
  }

  /// Stands for no cause.
  static let none: UInt32 = 0
  private var records: [Record]
  private let mask: UInt32
  private var lastNumber: UInt32 = 0

  init(capacity: Int = 1 << 16) {
    records = [Record](repeating: Record(), count: capacity)
    mask = UInt32(capacity - 1)
  }

  /// A step that began at `begin`, when `parent` had ended, and took so long.
  mutating func add(parent: UInt32, begin: UInt64, _ shares: Shares) -> UInt32 {
    lastNumber &+= 1
    if lastNumber == Self.none { lastNumber = 1 }
    records[Int(lastNumber & mask)] = Record(number: lastNumber, parent: parent, begin: begin, shares: shares)
    return lastNumber
  }

  /// What the time from `start` to `end`, where step `last` ended, was spent on.
  func shares(from start: UInt64, to end: UInt64, last: UInt32) -> Shares {
    var sum = Shares()
    var end = end
    var number = last
    while number != Self.none, end > start {
      let record = records[Int(number & mask)]
      guard record.number == number else { break }
      sum += record.shares.last(end - start)
      end = record.begin
      number = record.parent
    }
    if end > start { sum.waiting += end - start }
    return sum
  }
}
