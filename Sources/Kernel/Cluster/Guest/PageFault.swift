import Coherence
import Memory
import Node

/// What a vCPU, or the loader, waits for.
struct PageFault {
  enum State {
    case none
    /// The engine has taken it.
    case waiting
    /// The engine wants it reported again.
    case putOff
    case settled(isPinned: Bool)
  }

  var page = PageNumber(0)
  var access = PageAccess.read
  /// Whether who faults had the page pinned when it was reported first.
  var holdsPin = false
  var state = State.none
  /// Rises with each report: the engine settles faults on a page in the order in which it took them.
  var number: UInt64 = 0
  /// From when on, in TSC ticks, and what for.
  var progress = FaultProgress(.read, start: 0)
  /// Whether the engine is just being told.
  var isBeingReported = false
  /// How it was settled last.
  var kind = FaultKind.local
}

/// How many faults there were, and how they have been settled.
struct PageFaultCounters {
  var reads: UInt64 = 0
  var writes: UInt64 = 0
  var settled = FaultCounters()
  var retries: UInt64 = 0
  /// TSC ticks that vCPUs have waited.
  var waitedTicks: UInt64 = 0
  var shootdowns: UInt64 = 0
}
