/// What happens in a run, and when.
struct SimulatedEvent {
  enum Kind: UInt8 {
    /// Delivery `argument` has come to the switch from `node`.
    case atSwitch
    /// Delivery `argument` has come to `node`.
    case atNode
    /// The engine of `node` wants to be called.
    case deadline
    /// The service core of `node` is done with the job it has.
    case jobDone
    /// The ring of frames to send of `node` has room again.
    case ringHasRoom
    /// vCPU `argument` of `node` goes on.
    case vcpu
    /// No core of `node` uses what was taken away of page `argument` any more; `detail` is the cause.
    case shotDown
    /// Pin `detail` on page `argument` of `node` has stood for as long as may be.
    case pinLimit
    /// The next trouble begins.
    case trouble
  }

  var time: UInt64
  /// Which of the events with this time comes first.
  var order: UInt64 = 0
  var kind: Kind
  var node: UInt16
  var argument: UInt32
  var detail: UInt32

  @inline(__always)
  static func < (left: Self, right: Self) -> Bool {
    left.time == right.time ? left.order < right.order : left.time < right.time
  }
}

/// Events in the order of their time, and of their entry where they have the same: a binary heap.
struct EventHeap {
  private var entries: [SimulatedEvent] = []
  private var entryCount: UInt64 = 0

  var nextTime: UInt64 { entries.isEmpty ? .max : entries[0].time }

  mutating func add(
    _ kind: SimulatedEvent.Kind, at time: UInt64, node: Int, argument: Int = 0, detail: UInt32 = 0
  ) {
    entryCount += 1
    let event = SimulatedEvent(
      time: time, order: entryCount, kind: kind, node: UInt16(node), argument: UInt32(argument),
      detail: detail)
    entries.append(event)
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard event < entries[parent] else { break }
      entries[index] = entries[parent]
      index = parent
    }
    entries[index] = event
  }

  mutating func next() -> SimulatedEvent? {
    guard let last = entries.popLast() else { return nil }
    guard !entries.isEmpty else { return last }
    let first = entries[0]
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
      guard entries[child] < last else { break }
      entries[index] = entries[child]
      index = child
    }
    entries[index] = last
    return first
  }
}
