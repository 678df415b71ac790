import Node
import Wire

// What vCPUs and devices of this node have to say to other nodes. They may be anywhere when they say it, in the middle of
// a device, say, so it only waits here until the engine is next worked for.

/// Messages for other nodes, first in, first out.
@safe
struct GuestOutbox: ~Copyable {
  private static let capacity = 4096

  private let lock = SpinLock()
  private let state: UnsafeMutablePointer<State>

  private struct State {
    var first = 0
    var end = 0
  }

  private let entries: UnsafeMutablePointer<(message: GuestMessage, receiver: NodeID)>

  init() {
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: State())
    unsafe entries = .allocate(capacity: Self.capacity)
    unsafe entries.initialize(repeating: (.ready, NodeID(0)), count: Self.capacity)
  }

  /// False where there is no room.
  borrowing func append(_ message: GuestMessage, to receiver: NodeID) -> Bool {
    lock.withLock {
      guard unsafe state.pointee.end - state.pointee.first < Self.capacity else { return false }
      unsafe entries[state.pointee.end % Self.capacity] = (message, receiver)
      unsafe state.pointee.end += 1
      return true
    }
  }

  var isEmpty: Bool { count == 0 }
  /// Whether those who have time should let it drain before they append more.
  var isCrowded: Bool { count > Self.capacity / 2 }

  private var count: Int { lock.withLock { unsafe state.pointee.end - state.pointee.first } }

  /// Calls `send` with one message after the other, until there is none or `send` says that there is no room for it.
  borrowing func drain(_ send: (GuestMessage, NodeID) -> Bool) {
    while let (message, receiver) = oldest(), send(message, receiver) {
      lock.withLock { unsafe state.pointee.first += 1 }
    }
  }

  /// Only one core at a time drains.
  private borrowing func oldest() -> (GuestMessage, NodeID)? {
    lock.withLock {
      guard unsafe state.pointee.first < state.pointee.end else { return nil }
      return unsafe entries[state.pointee.first % Self.capacity]
    }
  }
}
