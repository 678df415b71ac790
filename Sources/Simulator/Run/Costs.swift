// What the work of a node takes. Instructions are counted, or estimated from those that are, and taken to need a cycle
// each at 3 GHz. What hardware takes is an assumption, with no measurement behind it.

/// The times of a node's work, in nanoseconds where nothing else is said.
struct Costs: Sendable {
  /// Cycles, or instructions, per microsecond.
  static let cyclesPerMicrosecond = 3000

  /// Instructions to take a frame from the ring, and to put one there, without those of its lines. A ping of 64 bytes
  /// takes the answering node 1,977 (docs/performance.md, round trips between nodes): one frame in, one frame out.
  var receiveInstructions = 990
  var sendInstructions = 990
  /// Instructions for each 64 bytes of a frame beyond the first 128, to copy and to checksum. A ping of 4,096 bytes takes
  /// the answering node 8,503: three frames in and three out, which have 61 such lines in each direction.
  var lineInstructions = 21
  /// Instructions to handle one event of a page: estimated, from the host's time for one.
  var eventInstructions = 600

  /// Cycles from the access to the fault's report to the service core, and from its answer to the access: half of what an
  /// exit and an entry take a processor (1,500), and the run loop's share (400 instructions are counted for a CPUID).
  var exitCycles = 950
  var entryCycles = 950
  /// Cycles to interrupt the cores that run vCPUs, until the last has emptied its TLB and says so.
  var shootdownCycles = 4000

  /// From the ring to the wire and from the wire to the ring, each.
  var adapterDelay: UInt64 = 500
  /// Of the switch, from the last bit in to the first bit out, where nothing is in the way.
  var switchDelay: UInt64 = 1000
  /// Frames that a ring of the network adapter holds.
  var ringSize = 256
  /// Bytes that wait for one output port of the switch at most.
  var portBuffer: UInt64 = 512 << 10

  static func nanoseconds(_ cycles: Int) -> UInt64 { UInt64(cycles * 1000 / cyclesPerMicrosecond) }

  private func lines(_ byteCount: Int) -> Int { max(0, byteCount - 128) / 64 * lineInstructions }

  func receive(_ byteCount: Int, isPageMessage: Bool) -> UInt64 {
    Self.nanoseconds(receiveInstructions + lines(byteCount) + (isPageMessage ? eventInstructions : 0))
  }

  func send(_ byteCount: Int) -> UInt64 { Self.nanoseconds(sendInstructions + lines(byteCount)) }

  var event: UInt64 { Self.nanoseconds(eventInstructions) }
  var exit: UInt64 { Self.nanoseconds(exitCycles) }
  var entry: UInt64 { Self.nanoseconds(entryCycles) }
  var shootdown: UInt64 { Self.nanoseconds(shootdownCycles) }
}
