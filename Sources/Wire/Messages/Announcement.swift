import Ethernet

/// A node says that it is there and what it has to offer, to everyone, again and again until the cluster has formed.
public struct Announcement: WireMessage, Equatable {
  /// The number that its user has given it; `.none` leaves the choice to the cluster.
  public var wantedID = NodeID.none
  /// How many nodes it expects the cluster to have.
  public var nodeCount: UInt16 = 1
  public var coreCount: UInt16 = 1
  /// Bytes of RAM that it brings in.
  public var memorySize: UInt64 = 0
  /// Ticks of its TSC a second.
  public var tscFrequency: UInt64 = 0
  /// The address under which it is heard.
  public var address = MACAddress(0)
  public var software = SoftwareVersion()
  /// Whether vCPUs run on shadow tables there.
  public var isShadowed = false
  /// Registers of CPUID, as far as a guest may see something of them.
  public var processor = InlineArray<120, UInt32>(repeating: 0)

  public init() {}

  public var kind: MessageKind { .announcement }
  public var byteCount: Int { Self.size }
  private static let size = 528

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    try Self.check(kind, is: .announcement, body, count: Self.size)
    wantedID = NodeID(body.uint16(at: 0))
    nodeCount = body.uint16(at: 2)
    coreCount = body.uint16(at: 4)
    memorySize = body.uint64(at: 8)
    tscFrequency = body.uint64(at: 16)
    address = body.macAddress(at: 24)
    software.major = body.uint16(at: 32)
    software.minor = body.uint16(at: 34)
    software.patch = body.uint16(at: 36)
    software.build = body.uint64(at: 40)
    isShadowed = body[6] != 0
    for index in 0..<120 { processor[index] = body.uint32(at: 48 + 4 * index) }
    guard wantedID.isNode || wantedID == .none, nodeCount > 0, Int(nodeCount) <= NodeID.limit, coreCount > 0,
      !address.isGroup
    else { throw .body }
    let isClear =
      body[6] <= 1 && body[7] == 0 && body.uint16(at: 30) == 0
      && body.uint16(at: 38) == 0
    guard isClear else { throw .body }
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(wantedID.value, at: offset)
    bytes.put(nodeCount, at: offset + 2)
    bytes.put(coreCount, at: offset + 4)
    bytes.put(isShadowed ? 1 : 0 as UInt16, at: offset + 6)
    bytes.put(memorySize, at: offset + 8)
    bytes.put(tscFrequency, at: offset + 16)
    bytes.put(address, at: offset + 24)
    bytes.put(UInt16(0), at: offset + 30)
    bytes.put(software.major, at: offset + 32)
    bytes.put(software.minor, at: offset + 34)
    bytes.put(software.patch, at: offset + 36)
    bytes.put(UInt16(0), at: offset + 38)
    bytes.put(software.build, at: offset + 40)
    for index in 0..<120 { bytes.put(processor[index], at: offset + 48 + 4 * index) }
  }

  public static func == (left: Self, right: Self) -> Bool {
    for index in 0..<120 where left.processor[index] != right.processor[index] { return false }
    return left.wantedID == right.wantedID && left.nodeCount == right.nodeCount
      && left.coreCount == right.coreCount && left.memorySize == right.memorySize
      && left.tscFrequency == right.tscFrequency && left.address == right.address
      && left.software == right.software && left.isShadowed == right.isShadowed
  }
}
