import Ethernet
import Wire

/// A node that has announced itself: a member, or one that would like to be.
struct KnownNode {
  /// false where the table has a free place.
  var isUsed = false
  /// Whether a map or a proposal has it: then it keeps its place.
  var isPinned = false
  var address = MACAddress(0)
  var incarnation = Incarnation.none
  var announcement = Announcement()

  /// The number that it says it has; `.none` before it has one.
  var id = NodeID.none
  /// The latest epoch that it is known to have installed.
  var epoch = Epoch(0)

  var lastHeard = Instant(nanoseconds: 0)
  /// The latest view that it has said: of those of one epoch the one that says `agreed`.
  var view: View?
  /// Since when and until when it has said that another member is gone which this node hears well.
  var disputedSince: Instant?
  var disputedUntil = Instant(nanoseconds: 0)
  /// Where a member has its address: how many of its announcements have come since when, with nothing from the member.
  var successionCount = 0
  var successionStart = Instant(nanoseconds: 0)
  /// How often something from the member came in between.
  var successionResets = 0

  var refusals = RefusalLimit()

  /// Whether it says that it is in a cluster.
  var isMember: Bool { id.isNode && epoch.value > 0 }

  func proposes(_ epoch: Epoch, _ digest: UInt64) -> Bool {
    guard let view else { return false }
    return view.epoch == epoch && view.digest == digest
  }

  func agrees(_ epoch: Epoch, _ digest: UInt64) -> Bool {
    guard let view else { return false }
    return view.stage == .agreed && view.epoch == epoch && view.digest == digest
  }
}
