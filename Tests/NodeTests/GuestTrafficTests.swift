import Coherence
import Memory
import Testing
import Wire

@testable import Node

/// What nodes say about the guest's machine, over the network.
struct GuestTrafficTests {
  /// A body that its sender says is a guest's.
  private struct AnyBody: WireMessage {
    var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) { throw .kind }

    var kind: MessageKind { .guest }
    var byteCount: Int { bytes.count }

    func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
      for (index, byte) in self.bytes.enumerated() { bytes[offset + index] = byte }
    }
  }

  private final class Received {
    var messages: [(message: GuestMessage, sender: NodeID)] = []
  }

  /// A cluster whose nodes take each guest message as it comes.
  private static func makeNetwork(
    nodeCount: Int, seed: UInt64 = 1
  ) -> (network: EngineNetwork, received: [Received]) {
    let network = EngineNetwork(nodeCount: nodeCount, seed: seed)
    let received = network.nodes.map { _ in Received() }
    for (node, received) in zip(network.nodes, received) {
      node.drive = { engine in
        if let message = engine.takeGuestMessage() { received.messages.append(message) }
        #expect(engine.takeGuestMessage() == nil)
      }
    }
    return (network, received)
  }

  @Test func everyMessageArrivesOnceAndInOrder() throws {
    for seed in 0..<5 as Range<UInt64> {
      let (network, received) = Self.makeNetwork(nodeCount: 3, seed: seed)
      network.loss = 0.15
      #expect(network.form())
      let messages = GuestMessageTests.messages + (0..<100).map { .deviceReply(vcpu: 1, value: $0) }
      for (index, message) in messages.enumerated() {
        for receiver in [0, 2] as [UInt16] {
          while (try? network.nodes[1].engine.send(message, to: NodeID(receiver))) == nil {
            #expect(
              network.run(milliseconds: 5000) {
                network.nodes[1].engine.links.freeMessageCount(NodeID(receiver)) > 0
              })
          }
        }
        if index % 3 == 0 { network.pump(1) }
      }
      #expect(
        network.run(milliseconds: 20_000) {
          received[0].messages.count == messages.count
            && received[2].messages.count == messages.count
        })
      for receiver in [0, 2] {
        #expect(received[receiver].messages.map(\.message) == messages)
        #expect(received[receiver].messages.allSatisfy { $0.sender == NodeID(1) })
      }
      #expect(received[1].messages.isEmpty)
      let traffic = network.nodes.map { $0.engine.traffic.machine }
      for operation in GuestMessage.Operation.allCases {
        let count = UInt64(messages.count { $0.operation == operation })
        let type = Int(operation.rawValue)
        #expect(traffic[1].sent[type].messages == 2 * count && traffic[0].received[type].messages == count)
        #expect(traffic[1].sent[type].bytes == 2 * count * 102)
        #expect(traffic[2].received[type] == traffic[0].received[type])
      }
    }
  }

  @Test func eachOperationAndEachKindHasAPlaceOfItsOwn() {
    let traffic = GuestTraffic()
    #expect(
      GuestMessage.Operation.allCases.map(\.rawValue) == (0..<UInt8(traffic.machine.sent.count)).map { $0 })
    #expect(
      CoherenceMessage.Kind.allCases.map(\.rawValue) == (0..<UInt8(traffic.pages.sent.count)).map { $0 })
  }

  @Test func aFullOrMissingLinkIsAnError() throws {
    let (network, _) = Self.makeNetwork(nodeCount: 2)
    #expect(throws: LinkError.closed) { try network.nodes[0].engine.send(.ready, to: NodeID(1)) }
    #expect(network.form())
    for _ in 0..<LinkOptions().messageCount { try network.nodes[0].engine.send(.ready, to: NodeID(1)) }
    #expect(throws: LinkError.full) { try network.nodes[0].engine.send(.ready, to: NodeID(1)) }
    #expect(throws: LinkError.closed) { try network.nodes[0].engine.send(.ready, to: NodeID(0)) }
  }

  /// A node that says what no correct node says about the guest is no peer any more.
  @Test func malformedBodiesBreakTheLink() throws {
    var bodies = GuestMessageTests.damages.map { damage in
      var body = [UInt8](repeating: 0, count: 24)
      var span = body.mutableSpan
      damage.message.write(to: &span, at: 0)
      for (offset, value) in damage.changes { body[offset] = value }
      return body
    }
    bodies.append([])
    bodies.append([UInt8](repeating: 1, count: 23))
    for body in bodies {
      let (network, received) = Self.makeNetwork(nodeCount: 3)
      #expect(network.form())
      try network.nodes[1].engine.links.send(AnyBody(body), to: NodeID(0))
      network.pump(1)
      #expect(
        network.run(milliseconds: 1000) { !network.nodes[0].engine.links.peers.contains(NodeID(1)) },
        "\(body)")
      #expect(network.nodes[0].engine.links.drops[.body] == 1)
      #expect(network.nodes[0].engine.links.peers.contains(NodeID(2)))
      #expect(received[0].messages.isEmpty)
    }
  }

  /// Nothing of a page belongs to what is said about the guest's machine: neither in one frame nor in several.
  @Test func pagesBreakTheLink() throws {
    let pattern = HostPhysicalAddress(0)
    for page: OutgoingPage in [.zero, .lines([], frame: pattern), .lines(.all, frame: pattern)] {
      let (network, received) = Self.makeNetwork(nodeCount: 2)
      #expect(network.form())
      try network.nodes[1].engine.links.send(GuestMessage.ready, page: page, to: NodeID(0))
      network.pump(1)
      #expect(network.run(milliseconds: 1000) { !network.nodes[0].engine.links.peers.contains(NodeID(1)) })
      #expect(received[0].messages.isEmpty)
    }
  }

  @Test func aMessageIsTheOneOfTheLastFrame() throws {
    let network = EngineNetwork(nodeCount: 2)
    #expect(network.form())
    for reason in 1...3 as ClosedRange<UInt8> {
      try network.nodes[1].engine.send(.end(reason: reason), to: NodeID(0))
    }
    network.pump(1)
    network.run(milliseconds: 10)
    let taken = network.nodes[0].engine.takeGuestMessage()
    #expect(taken?.message == .end(reason: 3) && taken?.sender == NodeID(1))
    #expect(network.nodes[0].engine.takeGuestMessage() == nil)
  }
}
