import Ethernet
import Cluster
import Wire

extension ClusterSimulation {
  /// No two nodes may install different maps of one epoch which each have the other in them.
  func checkMaps(of node: SimulatedNode) {
    for map in node.installed {
      for other in boots where other !== node {
        for otherMap in other.installed where otherMap.epoch == map.epoch && otherMap.digest != map.digest {
          if map.contains(other), otherMap.contains(node) {
            failure = "nodes \(node.index) and \(other.index) disagree on epoch \(map.epoch.value)"
          }
        }
      }
    }
  }

  /// All clocks are as near to that of their leader as they say, now.
  func checkClocks() -> Int {
    var count = 0
    for node in running where node.pausedUntil <= now {
      guard node.isMember, let time = node.clusterTime(at: now),
        let bound = node.membership.clock.errorBound(at: node.instant(now)),
        let first = node.membership.map.members.first(), let leader = node.membership.map[first]?.peer,
        let other = running.first(where: { $0.address == leader.address }),
        other.incarnation == leader.incarnation, other.membership.map.epoch == node.membership.map.epoch,
        other.membership.clock.errorBound(at: other.instant(now)) == 0,
        let leadersTime = other.clusterTime(at: now)
      else { continue }
      let error = time > leadersTime ? time - leadersTime : leadersTime - time
      if error > bound + 2 { failure = failure ?? "clock of \(node.index) is off by \(error), not \(bound)" }
      count += 1
    }
    return count
  }

  /// Whether all running nodes are in one map, and nobody else is.
  var isOneCluster: Bool {
    let running = running
    guard let first = running.first, first.isMember else { return false }
    return running.allSatisfy {
      $0.isMember && $0.membership.map.epoch == first.membership.map.epoch
        && $0.membership.map.digest == first.membership.map.digest
    } && first.membership.map.members.count == running.count
  }
}
