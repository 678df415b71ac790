import Ethernet
import Wire

/// The hash of a map: equal on all nodes that hold the same map, different for any other with near certainty.
struct MapDigest {
  private(set) var value: UInt64 = 0x4269_6749_726F_6E31

  /// Takes in a member, in the order of their numbers.
  mutating func add(_ id: NodeID, _ incarnation: Incarnation, _ announcement: Announcement) {
    add(UInt64(id.value) << 32 | UInt64(incarnation.value))
    add(announcement.address.value)
    add(
      UInt64(announcement.wantedID.value) << 32 | UInt64(announcement.nodeCount) << 16
        | UInt64(announcement.coreCount))
    add(announcement.memorySize)
    add(announcement.tscFrequency)
    let software = announcement.software
    add(UInt64(software.major) << 32 | UInt64(software.minor) << 16 | UInt64(software.patch))
    add(software.build)
    add(announcement.isShadowed ? 1 : 0)
    for index in 0..<60 {
      add(UInt64(announcement.processor[2 * index]) << 32 | UInt64(announcement.processor[2 * index + 1]))
    }
  }

  /// One round of a multiply-xorshift hash: every bit of `word` reaches every bit of the value.
  private mutating func add(_ word: UInt64) {
    var mixed = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ mixed >> 32) &* 0xD6E8_FEB8_6659_FD93
    value = mixed ^ mixed >> 29
  }
}
