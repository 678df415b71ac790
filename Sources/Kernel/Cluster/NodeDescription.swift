import Ethernet
import Assembly
import CPU
import Firmware
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
    announcement.features = features
    announcement.features[pagingWord] = isShadowed ? 1 : 0
    return announcement
  }

  private static func memorySize(_ moduleFrames: BoundedList<16, Range<HostPhysicalAddress>>) -> UInt64 {
    var size = Frames.freeBytes
    for index in moduleFrames.indices { size += moduleFrames[index].byteCount }
    // A byte is kept for each frame that there could be in the holes between those that there are.
    let holes = (Frames.limit.value - Frames.totalBytes) / pageSize
    return size > holes ? size - holes : 0
  }

  /// The last of the words of features: whether guests of several nodes run on shadow tables here.
  static let pagingWord = 15

  private static var isShadowed: Bool {
    SVMBackend.isOffered
      ? SVMBackend.isShadowed(node.options.paging, isDistributed: true)
      : VMXBackend.isShadowed(node.options.paging, isDistributed: true)
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

  /// CPUID's words on what instructions there are (SDM Vol. 2A, CPUID; APM Vol. 3, appendix E.4); zero where the processor
  /// has no such leaf.
  private static var features: InlineArray<16, UInt32> {
    var words = InlineArray<16, UInt32>(repeating: 0)
    let basic = cpuid(0, 0)
    words[0] = basic.ebx
    words[1] = cpuid(1, 0).eax
    words[2] = cpuid(1, 0).ecx
    words[3] = cpuid(1, 0).edx
    if basic.eax >= 7 {
      words[4] = cpuid(7, 0).ebx
      words[5] = cpuid(7, 0).ecx
      words[6] = cpuid(7, 0).edx
      words[7] = cpuid(7, 1).eax
    }
    if basic.eax >= 0xD {
      words[8] = cpuid(0xD, 0).eax
      words[9] = cpuid(0xD, 1).eax
    }
    let extended = cpuid(0x8000_0000, 0).eax
    if extended >= 0x8000_0001 {
      words[10] = cpuid(0x8000_0001, 0).ecx
      words[11] = cpuid(0x8000_0001, 0).edx
    }
    if extended >= 0x8000_0008 {
      words[12] = cpuid(0x8000_0007, 0).edx
      words[13] = cpuid(0x8000_0008, 0).eax
      words[14] = cpuid(0x8000_0008, 0).ebx
    }
    return words
  }
}
