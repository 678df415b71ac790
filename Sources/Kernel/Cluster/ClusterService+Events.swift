import Ethernet
import Cluster
import Firmware
import Node
import Wire

extension ClusterService {
  /// Tells people what has happened, as far as the console has room: it must not keep the node from its peers.
  mutating func reportEvents() {
    while commandLine.room > LogLine.capacity, let event = engine.nextEvent() { report(event) }
  }

  /// Says that more has happened than there was room for.
  mutating func reportLostEvents() {
    let count = engine.membership.lostEventCount
    guard count != lostEventCount, commandLine.room > LogLine.capacity else { return }
    log.warning("cluster: \(count &- lostEventCount) more refusals that are not listed")
    lostEventCount = count
  }

  private mutating func report(_ event: ClusterEvent) {
    switch event {
    case .formed:
      hasFormed = true
      reportMap()
    case .changed: reportMap()
    case .suspected(let id, let lastHeard):
      log.warning("cluster: node \(id) is silent, last heard \(milliseconds(since: lastHeard)) ms ago")
    case .recovered(let id): log.info("cluster: node \(id) is heard again")
    case .down(let id, let epoch, let lastHeard):
      log.error(
        "cluster: node \(id) is down as of epoch \(epoch.value), last heard \(milliseconds(since: lastHeard)) ms ago"
      )
      linkClosed(id)
    case .rebooted(let id, let incarnation):
      log.warning("cluster: node \(id) has booted anew, as incarnation \(hex: incarnation.value)")
    case .refused(let address, let refusal): log.warning("cluster: \(address) is refused: \(refusal)")
    case .refusedBy(let address, let id, let refusal):
      log.error("cluster: node \(id) (\(address)) refuses this node: \(refusal)")
    case .expelled(let epoch):
      log.error(
        "cluster: the others have declared this node down in epoch \(epoch.value); it has to boot anew")
      endPing("error: this node is no member any more")
    }
  }

  private func milliseconds(since start: Instant) -> UInt64 { instant.since(start) / 1_000_000 }

  /// Says who is in the cluster now.
  private mutating func reportMap() {
    let members = engine.membership.map.members
    let epoch = engine.membership.map.epoch.value
    var cores: UInt64 = 0
    var memory: UInt64 = 0
    var next = members.first()
    while let id = next {
      if let offer = engine.membership.map[id]?.announcement {
        cores += UInt64(offer.coreCount)
        memory &+= offer.memorySize
      }
      next = members.first(from: id.index + 1)
    }
    log.info(
      "cluster: \(members.count) \(members.count == 1 ? "node" : "nodes"), epoch \(epoch), \(cores) \(cores == 1 ? "core" : "cores"), \(memory >> 20) MiB; this is node \(engine.links.local.id)"
    )
    nextReported = 0
  }

  /// Names the members of the last map, as far as the console has room.
  mutating func continueMapReport() {
    while commandLine.room > 4 * LogLine.capacity, let start = nextReported {
      guard let id = engine.membership.map.members.first(from: start),
        let peer = engine.membership.map[id]?.peer
      else {
        nextReported = nil
        return
      }
      log.info("cluster: node \(id) is \(peer.address), incarnation \(hex: peer.incarnation.value)")
      nextReported = id.index + 1
    }
  }
}
