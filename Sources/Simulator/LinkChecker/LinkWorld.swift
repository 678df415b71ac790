import Coherence
import Memory
import Wire

// Two nodes, each with the coherence engine and the links of the kernel, and a network between them that may lose frames,
// deliver them twice and in any order. Nodes do not change once they are in a world: a step makes a new one in place of the
// one where it happens, so that worlds have in common what has not changed.

/// The state that the model checker explores with links.
struct LinkWorld<Rules: ProtocolRules> {
  let configuration: LinkCheckConfiguration
  var nodes: [LinkNode<Rules>]
  private var nodeHashes: [StateHash]
  /// Frames on their way to each node, by the order of their hashes; by their age if they do not overtake each other.
  var flights: [[HashedBytes]] = [[], []]
  /// What each node is to receive, in this order: all messages that have been sent to it.
  var expected: [[CoherenceMessage]] = [[], []]
  var lossesLeft: Int
  var duplicatesLeft: Int
  var earlyTimeoutsLeft: Int
  /// What the page holds since the last write.
  var latest = HashedBytes.zeroPage
  var writeCount: UInt8 = 0
  /// What the last step broke.
  var violation: String?

  init(_ configuration: LinkCheckConfiguration, rules: Rules) {
    self.configuration = configuration
    nodes = (0..<2).map { LinkNode($0, configuration, rules: rules) }
    nodeHashes = nodes.map(\.hash)
    lossesLeft = configuration.losses
    duplicatesLeft = configuration.duplicates
    earlyTimeoutsLeft = configuration.earlyTimeouts
  }

  /// Lets `step` happen.
  mutating func take(_ step: LinkStep) {
    let node = LinkNode(copying: nodes[step.node])
    nodes[step.node] = node
    happen(step, at: node)
    transmit(node)
    nodeHashes[step.node] = node.hash
  }

  mutating func fail(_ reason: String) {
    if violation == nil { violation = reason }
  }

  var isQuiet: Bool { flights.allSatisfy(\.isEmpty) && nodes.allSatisfy(\.isQuiet) }

  var hash: StateHash {
    var hash = StateHash()
    for node in nodeHashes { hash.add(node) }
    for receiver in 0..<2 {
      for flight in flights[receiver] { hash.add(flight.hash) }
      hash.add(UInt64(flights[receiver].count))
      for message in expected[receiver] { hash.add(message) }
      hash.add(UInt64(expected[receiver].count))
    }
    hash.add(UInt64(lossesLeft) << 32 | UInt64(duplicatesLeft) << 16 | UInt64(earlyTimeoutsLeft))
    hash.add(latest.hash)
    hash.add(UInt64(writeCount))
    return hash
  }

  // MARK: The network

  /// Sends what the node's link has to send.
  private mutating func transmit(_ node: LinkNode<Rules>) {
    while let frame = node.links.nextFrame(at: node.now) {
      let page = frame.page.map { node.frames[Int($0.value / pageSize)].contents.bytes } ?? []
      var bytes = [UInt8](repeating: 0, count: frame.count)
      var span = bytes.mutableSpan
      node.links.write(frame, page: page.span, to: &span)
      let flight = HashedBytes(bytes)
      let receiver = node.peer.index
      let place =
        configuration.reorders ? flights[receiver].firstIndex { flight.hash < $0.hash } : nil
      flights[receiver].insert(flight, at: place ?? flights[receiver].count)
    }
  }
}
