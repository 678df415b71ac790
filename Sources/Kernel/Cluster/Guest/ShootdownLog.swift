import EPT
import Memory
import Synchronization

// Which translations the cluster's engine has taken away, in order, and how far each vCPU of the node has got in dropping
// them. Whoever changes the tables appends to the log, tells the vCPUs through their mailboxes, and goes on: nobody waits
// for a core here. When the last vCPU has come past an entry, the engine is told.

/// Translations that are being shot down.
@safe
struct ShootdownLog: ~Copyable {
  /// More than the transactions that can be open on one node's pages at a time.
  static let capacity = 4096

  private let entries: UnsafeMutablePointer<Shootdown>
  /// How far each vCPU has got.
  private let positions: UnsafeMutablePointer<Atomic<Int>>
  private let count: Int
  private let end = Atomic<Int>(0)
  /// Entries before this one are over.
  private var first = 0

  init(processorCount: Int) {
    count = processorCount
    unsafe entries = .allocate(capacity: Self.capacity)
    unsafe entries.initialize(repeating: Shootdown(), count: Self.capacity)
    unsafe positions = .allocate(capacity: processorCount)
    for index in 0..<processorCount { unsafe (positions + index).initialize(to: Atomic(0)) }
  }

  /// False where there is no room.
  mutating func append(_ shootdown: Shootdown) -> Bool {
    let place = end.load(ordering: .relaxed)
    guard place - first < Self.capacity else { return false }
    unsafe entries[place % Self.capacity] = shootdown
    end.store(place + 1, ordering: .releasing)
    return true
  }

  /// The next page whose translation no vCPU has any more; nil where there is none.
  mutating func nextFinished() -> PageNumber? {
    guard first < end.load(ordering: .relaxed) else { return nil }
    for index in 0..<count where unsafe positions[index].load(ordering: .acquiring) <= first { return nil }
    first += 1
    return unsafe entries[(first - 1) % Self.capacity].page
  }

  /// Whether some vCPU has not got to the end.
  var isUnderWay: Bool { first < end.load(ordering: .relaxed) }

  /// Calls `body` with what vCPU `index` has still to drop, on its own core. Where it returns an end, `finish` with that end
  /// must follow once the core has dropped all that it had cached of it.
  borrowing func forEachNew(_ index: Int, _ body: (Shootdown) -> Void) -> Int? {
    let end = end.load(ordering: .acquiring)
    let start = unsafe positions[index].load(ordering: .relaxed)
    guard start < end else { return nil }
    for place in start..<end { body(unsafe entries[place % Self.capacity]) }
    return end
  }

  borrowing func finish(_ index: Int, at end: Int) {
    unsafe positions[index].store(end, ordering: .releasing)
  }
}
