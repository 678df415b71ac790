import Ethernet
import Support
import Testing
import Wire

@testable import Cluster

/// What strangers can do to the events of a node: many refusals are counted, and push nothing else out.
struct ReportTests {
  private static let second: UInt64 = 1_000_000_000

  private static func origin(_ index: Int) -> FrameOrigin? {
    var header = FrameHeader(
      destination: .broadcast, source: MACAddress(0x0200_0000_1000 + UInt64(index)), kind: .heartbeat)
    header.version = 3
    header.cluster = ClusterID(7)
    header.senderIncarnation = Incarnation(9)
    var frame = [UInt8](repeating: 0, count: header.frameCount)
    var bytes = frame.mutableSpan
    header.write(to: &bytes)
    return FrameOrigin(frame.span)
  }

  @Test func refusalsThatNobodyTakesLeaveRoomForWhatHappensToTheCluster() throws {
    let now = Instant(nanoseconds: 1_000_000)
    let local = LocalNode(
      address: MACAddress(0x0200_0000_0000), incarnation: Incarnation(1), cluster: ClusterID(7))
    var links = LinkTable(local: local, nodeCount: 1, routines: ProcessorByteRoutines())
    var membership = Membership(
      ClusterSimulation.announcement, local: local, options: ClusterOptions(nodeCount: 1), at: now)
    for index in 0..<200 {
      membership.receiveOtherVersion(try #require(Self.origin(index)), at: now + UInt64(index) * Self.second)
    }
    membership.advance(links: &links, at: now + 200 * Self.second)
    var events: [ClusterEvent] = []
    while let event = membership.nextEvent() { events.append(event) }
    #expect(events.last == .formed(Epoch(1)))
    let refusalCount = events.count { $0.isRefusal }
    #expect(refusalCount > 10 && refusalCount == events.count - 1)
    let lostCount = membership.lostEventCount
    #expect(lostCount == UInt64(200 - refusalCount))
  }

  /// Takes ten seconds of what 200 strangers send, each ten times a second.
  ///
  /// - Returns: how many refusals are reported, how many are not, and how many are sent.
  private func endure(
    _ send: (ClusterSimulation, MACAddress, _ round: UInt32) -> [Refusal]
  ) throws -> (reported: Int, lost: UInt64, sent: Int) {
    let simulation = ClusterSimulation(seed: 6, machineCount: 1, options: ClusterOptions(nodeCount: 1))
    simulation.boot(0)
    #expect(simulation.run(500_000_000) == nil)
    let node = try #require(simulation.nodes[0])
    var sentCount = 0
    for round in 0..<100 as Range<UInt32> {
      for index in 0..<200 as Range<UInt64> {
        sentCount += send(simulation, MACAddress(0x0200_0000_1000 + index), round).count
      }
      #expect(simulation.run(100_000_000) == nil)
    }
    #expect(node.isMember)
    return (node.events.count { $0.isRefusal }, node.membership.lostEventCount, sentCount)
  }

  @Test func strangersOfAnotherVersionAreReportedRarely() throws {
    let heartbeat = Heartbeat(number: 1, heard: NodeSet(), digest: 1)
    let (reported, lost, sent) = try endure { simulation, address, _ in
      simulation.inject(heartbeat, from: address, Incarnation(9), to: 0) { $0.version = 3 }
    }
    #expect(reported >= 16 && reported <= 32 && lost > 100 && sent >= 200)
  }

  @Test func strangersThatAreNewEachTimeAreReportedRarely() throws {
    let (reported, lost, sent) = try endure { simulation, address, round in
      var announcement = ClusterSimulation.announcement
      announcement.nodeCount = 2
      announcement.address = address
      return simulation.inject(announcement, from: address, Incarnation(9 + round), to: 0)
    }
    #expect(reported >= 16 && reported <= 32 && lost > 100 && sent >= 100)
  }

  @Test func refusalsByStrangersAreReportedRarely() throws {
    let (reported, lost, sent) = try endure { simulation, address, round in
      simulation.inject(Refusal(.clusterFull), from: address, Incarnation(9 + round), to: 0)
    }
    #expect(reported >= 16 && reported <= 32 && lost > 100 && sent == 0)
  }
}
