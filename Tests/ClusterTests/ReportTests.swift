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
    header.version = 2
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
}
