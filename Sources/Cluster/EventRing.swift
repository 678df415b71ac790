/// Events that wait for the user, in the order in which they came. Strangers can cause refusals without end: these have
/// only so much of the room, so that what happens to the cluster always finds some.
struct EventRing {
  private var events: [ClusterEvent?]
  private var first = 0
  private var count = 0
  private let refusalLimit: Int
  private var refusalCount = 0
  /// Events that were not kept.
  private(set) var lostCount: UInt64 = 0

  /// Room for `capacity` events, of which `refusalLimit` may be refusals.
  init(capacity: Int, refusalLimit: Int) {
    events = [ClusterEvent?](repeating: nil, count: capacity)
    self.refusalLimit = refusalLimit
  }

  /// Room for all that can happen to a cluster of `nodeCount` nodes before the user looks: each member suspected, or
  /// heard again, and three maps, each of which may be without most members of the one before.
  init(nodeCount: Int) {
    let refusalLimit = 32
    self.init(capacity: 4 * nodeCount + 8 + refusalLimit, refusalLimit: refusalLimit)
  }

  mutating func add(_ event: ClusterEvent) {
    if event.isRefusal {
      guard refusalCount < refusalLimit else { return lose() }
      refusalCount += 1
    } else {
      guard count - refusalCount < events.count - refusalLimit else { return lose() }
    }
    events[(first + count) % events.count] = event
    count += 1
  }

  /// Counts an event that is not kept.
  mutating func lose() { lostCount &+= 1 }

  mutating func next() -> ClusterEvent? {
    guard count > 0, let event = events[first] else { return nil }
    first = (first + 1) % events.count
    count -= 1
    if event.isRefusal { refusalCount -= 1 }
    return event
  }
}
