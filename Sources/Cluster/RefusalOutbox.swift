import Ethernet
import Wire

/// A refusal, and whom it is for.
struct OutgoingRefusal {
  var address: MACAddress
  var id: NodeID
  var incarnation: Incarnation
  var refusal: Refusal
}

/// Refusals that wait to be sent. One that finds no room is not sent: there will be cause for another.
struct RefusalOutbox {
  private var table: [OutgoingRefusal?]
  private var count = 0

  init(capacity: Int) { table = [OutgoingRefusal?](repeating: nil, count: capacity) }

  var isEmpty: Bool { count == 0 }

  mutating func add(_ refusal: OutgoingRefusal) {
    guard count < table.count else { return }
    table[count] = refusal
    count += 1
  }

  mutating func takeLast() -> OutgoingRefusal? {
    guard count > 0 else { return nil }
    count -= 1
    return table[count]
  }

  mutating func clear() { count = 0 }
}
