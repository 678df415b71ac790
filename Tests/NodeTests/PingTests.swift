import Memory
import Testing

import Wire

@testable import Node

struct PingTests {
  @Test(arguments: [16, 17, 64, 128, 129, 192, 1400, 4095, 4096])
  func aPingComesBackWithWhatItCarried(size: Int) throws {
    let network = EngineNetwork(nodeCount: 2)
    #expect(network.form())
    for number in 0..<100 as Range<UInt32> {
      try network.ping(number, size: size, from: 0, to: 1)
      #expect(network.run(milliseconds: 10) { network.nodes[0].pongs.count > Int(number) })
    }
    let pongs = network.nodes[0].pongs
    #expect(pongs.map(\.number) == Array(0..<100))
    #expect(pongs.allSatisfy { $0.sender == NodeID(1) && $0.isIntact })
    let lineCount = size > 128 ? (size + 63) / 64 : 0
    #expect(pongs.allSatisfy { $0.lineCount == lineCount })
    // There and back, 20 µs each.
    #expect(pongs.allSatisfy { $0.receivedAt.since($0.sentAt) == 40_000 })
    #expect(network.nodes[1].engine.curtailedPings == 0)
  }

  @Test func pingsComeBackFromABadNetwork() throws {
    for seed in 0..<20 as Range<UInt64> {
      let network = EngineNetwork(nodeCount: 3, seed: seed)
      network.loss = 0.1
      #expect(network.form())
      for number in 0..<20 as Range<UInt32> {
        try network.ping(number, size: number % 2 == 0 ? 64 : 4096, from: 1, to: UInt16(number % 2 * 2))
        #expect(network.run(milliseconds: 5000) { network.nodes[1].pongs.count > Int(number) })
      }
      #expect(network.nodes[1].pongs.allSatisfy { $0.isIntact })
    }
  }

  @Test func pagesBeyondTheFramesAreLeftOutAndCounted() throws {
    let network = EngineNetwork(nodeCount: 2)
    #expect(network.form())
    let limit = EngineNetwork.frameCount - 1
    for round in 0..<3 {
      network.nodes[0].pongs = []
      let before = network.nodes[1].engine.curtailedPings
      // The pages come faster than their pongs are acknowledged.
      for number in 0..<10 as Range<UInt32> { try network.ping(number, size: 4096, from: 0, to: 1) }
      #expect(network.run(milliseconds: 1000) { network.nodes[0].pongs.count == 10 })
      let whole = network.nodes[0].pongs.count { $0.lineCount == 64 }
      #expect(whole >= limit, "round \(round)")
      #expect(network.nodes[1].engine.curtailedPings - before == UInt64(10 - whole))
      network.run(milliseconds: 100)
    }
  }

  @Test func aDeadPeersFullWindowStopsNobodyElse() throws {
    let network = EngineNetwork(nodeCount: 3)
    #expect(network.form())
    network.nodes[2].isUp = false
    var sent = 0
    while (try? network.ping(1000 + UInt32(sent), size: 64, from: 0, to: 2)) != nil { sent += 1 }
    #expect(sent == LinkOptions().messageCount)
    for number in 0..<200 as Range<UInt32> {
      try network.ping(number, size: 4096, from: 0, to: 1)
      #expect(network.run(milliseconds: 2) { network.nodes[0].pongs.count > Int(number) })
    }
    #expect(network.nodes[0].pongs.allSatisfy { $0.isIntact && $0.receivedAt.since($0.sentAt) < 100_000 })
    network.run(milliseconds: 2000)
    #expect(!network.nodes[0].engine.links.peers.contains(NodeID(2)))
    #expect(throws: LinkError.closed) { try network.ping(0, size: 64, from: 0, to: 2) }
  }

  @Test func aPongWaitsForRoomOnItsLink() throws {
    let network = EngineNetwork(nodeCount: 2)
    #expect(network.form())
    // Before the ping arrives, its receiver's link is full.
    try network.ping(7, size: 4096, from: 0, to: 1)
    var number: UInt32 = 100
    while (try? network.ping(number, size: 64, from: 1, to: 0)) != nil { number += 1 }
    #expect(network.run(milliseconds: 1000) { !network.nodes[0].pongs.isEmpty })
    #expect(network.nodes[0].pongs.map(\.number) == [7])
    #expect(network.nodes[0].pongs.allSatisfy { $0.isIntact && $0.lineCount == 64 })
    #expect(network.nodes[1].engine.curtailedPings == 0)
  }

  /// Pongs that nobody has asked for, or that bring less than was sent: they are told apart, and harm nobody.
  @Test func strangePongsDoNoHarm() throws {
    let network = EngineNetwork(nodeCount: 2)
    #expect(network.form())
    let pages: [OutgoingPage] = [
      .none, .zero, .lines([], frame: HostPhysicalAddress(0)),
      .lines(PageLines(rawValue: 1 << 63), frame: HostPhysicalAddress(0)),
      .lines(PageLines(rawValue: 0x8000_0000_0001_0000), frame: HostPhysicalAddress(0)),
    ]
    for (number, page) in pages.enumerated() {
      let ping = Ping(number: UInt32(number), sentAt: network.instant)
      try network.nodes[1].engine.links.send(ping.pong, page: page, to: NodeID(0))
      try network.nodes[1].engine.links.send(ping, page: page, to: NodeID(0))
      network.pump(1)
    }
    #expect(network.run(milliseconds: 100) { network.nodes[0].pongs.count == pages.count })
    #expect(network.nodes[0].pongs.map(\.lineCount) == [0, 0, 0, 1, 2])
    // The pattern is what the lines come from.
    #expect(network.nodes[0].pongs.map(\.isIntact) == [true, true, true, true, true])
    network.run(milliseconds: 100)
    // No frame is lost by that.
    for number in 0..<20 as Range<UInt32> { try network.ping(number, size: 4096, from: 1, to: 0) }
    #expect(network.run(milliseconds: 1000) { network.nodes[1].pongs.count >= 20 })
  }
}
