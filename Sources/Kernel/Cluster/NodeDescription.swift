import Ethernet
import Assembly
import CPU
import Firmware
import Machine
import Memory
import Wire

/// What this PC says about itself to the others.
enum NodeDescription {
  /// - Parameter moduleFrames: what will be free when the guest has been loaded.
  static func announcement(
    address: MACAddress, moduleFrames: BoundedList<16, Range<HostPhysicalAddress>>
  ) -> Announcement {
    var announcement = Announcement()
    if let number = node.options.node { announcement.wantedID = NodeID(UInt16(number)) }
    announcement.nodeCount = UInt16(node.options.nodes)
    announcement.coreCount = UInt16(node.coreCount)
    announcement.memorySize = memorySize(moduleFrames)
    announcement.tscFrequency = node.clock.frequency
    announcement.address = address
    announcement.software = SoftwareVersion(
      major: Version.major, minor: Version.minor, patch: Version.patch, build: build)
    if SVMBackend.isOffered {
      describeProcessor(SVMBackend.self, in: &announcement)
    } else {
      describeProcessor(VMXBackend.self, in: &announcement)
    }
    return announcement
  }

  private static func memorySize(_ moduleFrames: BoundedList<16, Range<HostPhysicalAddress>>) -> UInt64 {
    var size = Frames.freeBytes
    for index in moduleFrames.indices { size += moduleFrames[index].byteCount }
    // A byte is kept for each frame that there could be in the holes between those that there are.
    let holes = (Frames.limit.value - Frames.totalBytes) / pageSize
    return size > holes ? size - holes : 0
  }

  /// As guests of several nodes see it.
  private static func describeProcessor<Host: Backend>(
    _ backend: Host.Type, in announcement: inout Announcement
  ) {
    announcement.isShadowed = Host.isShadowed(node.options.paging, isDistributed: true)
    announcement.processor =
      ProcessorDescription(Host.hostCPUID(node.options.paging, isDistributed: true)).words
  }

  /// One boot of this PC, told from others by the time of day and the processor's.
  static var incarnation: Incarnation {
    var hash = HostClock.secondsSinceEpoch() &* 0x9E37_79B9_7F4A_7C15 ^ readTSC()
    hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
    return Incarnation(max(1, UInt32(truncatingIfNeeded: hash >> 32)))
  }

  /// The same on all PCs that run this very kernel: a checksum of its code.
  private static var build: UInt64 {
    let code = HostPhysicalAddress(__text_startAddress())..<HostPhysicalAddress(__text_endAddress())
    let register = ProcessorByteRoutines().crc32c(.max, IdentityMemory.bytes(code))
    return UInt64(~register) << 32 | code.byteCount
  }
}
