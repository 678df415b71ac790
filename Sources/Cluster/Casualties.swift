import Ethernet
import Wire

/// Incarnations that this node has declared down, and which therefore can't come back. The oldest are forgotten when
/// there is no room left: by then they have either been told, or have been silent for long.
struct Casualties {
  struct Casualty {
    var address: MACAddress
    var incarnation: Incarnation
    var id: NodeID
    var refusals = RefusalLimit()
  }

  private var table: [Casualty?]
  private var next = 0
  /// All places from here on are free.
  private var end = 0

  init(capacity: Int) { table = [Casualty?](repeating: nil, count: capacity) }

  func place(_ address: MACAddress, _ incarnation: Incarnation) -> Int? {
    for place in 0..<end {
      if let casualty = table[place], casualty.incarnation == incarnation, casualty.address == address {
        return place
      }
    }
    return nil
  }

  mutating func add(_ address: MACAddress, _ incarnation: Incarnation, _ id: NodeID) {
    guard place(address, incarnation) == nil else { return }
    table[next] = Casualty(address: address, incarnation: incarnation, id: id)
    end = max(end, next + 1)
    next = (next + 1) % table.count
  }

  func id(_ place: Int) -> NodeID { table[place]?.id ?? .none }

  mutating func turn(
    _ reason: Refusal.Reason, _ place: Int, at now: Instant, interval: UInt64
  ) -> RefusalTurn {
    guard var casualty = table[place] else { return .tooSoon }
    let turn = casualty.refusals.turn(reason, at: now, interval: interval)
    table[place] = casualty
    return turn
  }
}
