import Support
import Ethernet
import Cluster
import Wire

/// One boot of a node: its links, its membership, and a clock of its own.
final class SimulatedNode {
  let index: Int
  let address: MACAddress
  let incarnation: Incarnation
  var links: LinkTable<ProcessorByteRoutines>
  var membership: Membership
  private(set) var events: [ClusterEvent] = []
  /// The maps that it has installed.
  private(set) var installed: [InstalledMap] = []
  /// Until when it does not run.
  var pausedUntil: UInt64 = 0
  var isUp = true
  /// Events that have been printed.
  var tracedCount = 0
  private(set) var failure: String?

  private let clockOffset: UInt64
  private let clockDrift: Int64
  private var latestTime: UInt64 = 0

  struct InstalledMap {
    var epoch: Epoch
    var digest: UInt64
    var members: [Member]

    func contains(_ node: SimulatedNode) -> Bool {
      members.contains { $0.peer.address == node.address && $0.peer.incarnation == node.incarnation }
    }
  }

  init(
    index: Int, address: MACAddress, incarnation: Incarnation, announcement: Announcement,
    options: ClusterOptions, clockOffset: UInt64, clockDrift: Int64, at time: UInt64
  ) {
    self.index = index
    self.address = address
    self.incarnation = incarnation
    self.clockOffset = clockOffset
    self.clockDrift = clockDrift
    let local = LocalNode(address: address, incarnation: incarnation, cluster: ClusterID(7))
    links = LinkTable(local: local, nodeCount: options.nodeCount, routines: ProcessorByteRoutines())
    let now = Self.instant(time, clockOffset, clockDrift)
    membership = Membership(announcement, local: local, options: options, at: now)
  }

  /// The own clock at a time of the simulation. `drift` is in parts per million.
  static func instant(_ time: UInt64, _ offset: UInt64, _ drift: Int64) -> Instant {
    Instant(nanoseconds: offset + UInt64(Int64(time) + Int64(time) / 1_000_000 * drift))
  }

  func instant(_ time: UInt64) -> Instant { Self.instant(time, clockOffset, clockDrift) }

  /// The first time of the simulation, in steps of a microsecond or so, at which the own clock says `instant`.
  func time(_ instant: Instant) -> UInt64 {
    let local = Int64(instant.since(Instant(nanoseconds: clockOffset)))
    var time = UInt64(max(0, local - local / 1_000_000 * clockDrift))
    while self.instant(time) < instant { time += 1_000 }
    return time
  }

  var isMember: Bool { membership.state == .member }

  func receive(_ frame: [UInt8], at time: UInt64) {
    let now = instant(time)
    switch links.receive(frame.span, at: now) {
    case .datagram(let header, let isFromPeer):
      membership.receive(
        header, frame.span.extracting(header.bodyRange), isFromPeer: isFromPeer, links: &links, at: now)
    case .dropped(.version):
      if let origin = FrameOrigin(frame.span) { membership.receiveOtherVersion(origin, at: now) }
    case .broken(let id, _): membership.linkBroke(id, links: &links, at: now)
    case .message, .nothing, .dropped: break
    }
    takeEvents(at: time)
  }

  func advance(at time: UInt64) {
    let now = instant(time)
    if now >= membership.deadline { membership.advance(links: &links, at: now) }
    takeEvents(at: time)
  }

  /// As if the links had found the peer to send nonsense.
  func breakLink(_ id: NodeID, at time: UInt64) {
    links.close(id)
    membership.linkBroke(id, links: &links, at: instant(time))
    takeEvents(at: time)
  }

  /// The next frame that the node has to send: its destination, and its bytes.
  func nextFrame(at time: UInt64, _ buffer: inout [UInt8]) -> (MACAddress, [UInt8])? {
    let now = instant(time)
    var bytes = buffer.mutableSpan
    if let count = membership.writeDatagram(to: &bytes, links: &links, at: now) {
      return frame(buffer[..<count])
    }
    if membership.hasDatagrams { fail("datagrams that are not written") }
    guard let next = links.nextFrame(at: now) else { return nil }
    bytes = buffer.mutableSpan
    links.write(next, page: [UInt8]().span, to: &bytes)
    return frame(buffer[..<next.count])
  }

  private func frame(_ bytes: ArraySlice<UInt8>) -> (MACAddress, [UInt8]) {
    var address: UInt64 = 0
    for byte in bytes.prefix(6) { address = address << 8 | UInt64(byte) }
    return (MACAddress(address), Array(bytes))
  }

  func fail(_ message: String) { failure = failure ?? "node \(index): \(message)" }

  private func takeEvents(at time: UInt64) {
    while let event = membership.nextEvent() {
      events.append(event)
      switch event {
      case .formed(let epoch), .changed(let epoch):
        // Several maps may have been installed at once; the last is to be seen.
        if epoch == membership.map.epoch { noteMap() }
      default: break
      }
    }
    if membership.state == .expelled, !links.peers.isEmpty { fail("links after its end") }
    if isMember, links.local.epoch != membership.map.epoch { fail("an epoch that is not the map's") }
  }

  private func noteMap() {
    let members = (0..<256 as Range<UInt16>).compactMap { membership.map[NodeID($0)] }
    let map = InstalledMap(epoch: membership.map.epoch, digest: membership.map.digest, members: members)
    if let last = installed.last, last.epoch >= map.epoch { fail("epoch \(map.epoch.value) once more") }
    if !map.contains(self) { fail("is not in its own map") }
    if members.count != membership.map.members.count { fail("members that are not in the map") }
    if links.local.id != members.first(where: { $0.peer.address == address })?.peer.id {
      fail("not its number")
    }
    if links.peers.count != members.count - 1 { fail("links to others than the members") }
    installed.append(map)
  }

  /// The cluster's time, which must not have gone back.
  func clusterTime(at time: UInt64) -> UInt64? {
    guard let now = membership.clock.time(at: instant(time)) else { return nil }
    if now < latestTime { fail("cluster time goes back from \(latestTime) to \(now)") }
    latestTime = now
    return now
  }
}
