/// How far each node is from each other's memory, as the nodes have measured it, and what firmware tables say of that.
public struct NodeDistances: Sendable {
  private let nodeCount: Int
  /// Nanoseconds, 0 where unknown; a row for each node that accesses.
  private var times: [UInt32]

  public init(nodeCount: Int) {
    self.nodeCount = nodeCount
    times = [UInt32](repeating: 0, count: nodeCount * nodeCount)
  }

  /// Takes a measurement, in nanoseconds: a round trip between two nodes, or a load from a node's own memory; both nodes
  /// below the number that there are.
  public mutating func note(from: Int, to: Int, nanoseconds: UInt32) {
    times[from * nodeCount + to] = nanoseconds
  }

  /// Of two measurements of the same way the quicker one: the slower may have met a node that was busy.
  private func time(_ from: Int, _ to: Int) -> UInt32 {
    let there = times[from * nodeCount + to]
    let back = times[to * nodeCount + from]
    return there == 0 || back == 0 ? max(there, back) : min(there, back)
  }

  /// Rows of the SLIT (ACPI 6.5, 5.2.17).
  ///
  /// The nearest other node is at 40, beyond Linux's limit of 30 up to which it moves tasks from node to node freely. One that is
  /// about twice as far is at 80, and so on: Linux makes a level of scheduling of each value, so that small differences
  /// must not show.
  public var relative: [UInt8] {
    var least = UInt32.max
    for from in 0..<nodeCount {
      for to in 0..<from where time(from, to) > 0 { least = min(least, time(from, to)) }
    }
    return (0..<nodeCount).flatMap { from in
      (0..<nodeCount).map { to in
        from == to ? 10 : Self.distance(time(from, to), least: least)
      }
    }
  }

  private static func distance(_ time: UInt32, least: UInt32) -> UInt8 {
    // Where 2 √2 are above the ratio, 2 is its nearest power of two.
    switch UInt64(time) * 100 / UInt64(least) {
    case 0..<142: 40
    case 142..<283: 80
    case 283..<566: 160
    default: 254
    }
  }

  /// Rows of what the HMAT tells of latency, where anything is known.
  public var absolute: [MachineDescription.MemoryAccess]? {
    guard times.contains(where: { $0 > 0 }) else { return nil }
    return (0..<nodeCount).flatMap { from in
      (0..<nodeCount).map { to in MachineDescription.MemoryAccess(latency: time(from, to), bandwidth: 0) }
    }
  }
}
