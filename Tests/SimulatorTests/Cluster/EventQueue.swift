/// Events in the order of their time, and of their entry where they have the same: a binary heap.
struct EventQueue<Event> {
  private struct Entry {
    var time: UInt64
    var order: UInt64
    var event: Event

    static func < (left: Self, right: Self) -> Bool {
      left.time == right.time ? left.order < right.order : left.time < right.time
    }
  }

  private var entries: [Entry] = []
  private var entryCount: UInt64 = 0

  mutating func add(_ event: Event, at time: UInt64) {
    entryCount += 1
    entries.append(Entry(time: time, order: entryCount, event: event))
    var index = entries.count - 1
    while index > 0, entries[index] < entries[(index - 1) / 2] {
      entries.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func next() -> (time: UInt64, event: Event)? {
    guard let first = entries.first else { return nil }
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      var index = 0
      while true {
        var least = index
        for child in [2 * index + 1, 2 * index + 2]
        where child < entries.count && entries[child] < entries[least] {
          least = child
        }
        guard least != index else { break }
        entries.swapAt(index, least)
        index = least
      }
    }
    return (first.time, first.event)
  }
}
