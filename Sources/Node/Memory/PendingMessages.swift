import Coherence
import Wire

/// Messages that found no room on their link, in order for each node: lists in one array.
struct PendingMessages {
  private struct Entry {
    var message: CoherenceMessage
    var page = OutgoingPage.none
    var next: Int32 = -1
  }

  private var entries: [Entry]
  /// The first of the unused entries, which are a list.
  private var free: Int32 = 0
  private var first: [Int32]
  private var last: [Int32]
  /// Nodes for which there are some.
  private(set) var receivers = NodeSet()

  init(nodeCount: Int, capacity: Int, filler: CoherenceMessage) {
    entries = [Entry](repeating: Entry(message: filler), count: capacity)
    for index in 0..<capacity { entries[index].next = index + 1 < capacity ? Int32(index + 1) : -1 }
    if capacity == 0 { free = -1 }
    first = [Int32](repeating: -1, count: nodeCount)
    last = first
  }

  /// False where there is no room.
  mutating func append(_ message: CoherenceMessage, _ page: OutgoingPage, to id: NodeID) -> Bool {
    guard free >= 0 else { return false }
    let index = free
    free = entries[Int(index)].next
    entries[Int(index)] = Entry(message: message, page: page)
    if receivers.contains(id) {
      entries[Int(last[id.index])].next = index
    } else {
      first[id.index] = index
      receivers.insert(id)
    }
    last[id.index] = index
    return true
  }

  /// The oldest for `id`, which has some.
  func oldest(for id: NodeID) -> (message: CoherenceMessage, page: OutgoingPage) {
    let entry = entries[Int(first[id.index])]
    return (entry.message, entry.page)
  }

  mutating func removeOldest(for id: NodeID) {
    let index = first[id.index]
    first[id.index] = entries[Int(index)].next
    if first[id.index] < 0 { receivers.remove(id) }
    entries[Int(index)].next = free
    free = index
  }
}
