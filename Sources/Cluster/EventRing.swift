/// Events that wait for the user, of whom it keeps as many as it has room for.
struct EventRing {
  private var events: [ClusterEvent?]
  private var first = 0
  private var count = 0
  /// Events that found no room.
  private(set) var lostCount: UInt64 = 0

  init(capacity: Int) { events = [ClusterEvent?](repeating: nil, count: capacity) }

  mutating func add(_ event: ClusterEvent) {
    guard count < events.count else {
      lostCount += 1
      return
    }
    events[(first + count) % events.count] = event
    count += 1
  }

  mutating func next() -> ClusterEvent? {
    guard count > 0 else { return nil }
    let event = events[first]
    first = (first + 1) % events.count
    count -= 1
    return event
  }
}
