import Ethernet

/// A node says which cluster map it holds. The cluster agrees when all members hold a map of the same digest.
public struct View: WireMessage, Equatable {
  public enum Stage: UInt8, Sendable {
    /// The sender has computed the map.
    case proposed = 0
    /// The sender knows that all members have computed the same.
    case agreed = 1
  }

  /// The epoch that the map makes.
  public var epoch: Epoch
  public var stage: Stage
  public var members: NodeSet
  /// A hash of the map in full: of each member's number, incarnation, address and announcement.
  public var digest: UInt64

  public init(epoch: Epoch, stage: Stage, members: NodeSet, digest: UInt64) {
    self.epoch = epoch
    self.stage = stage
    self.members = members
    self.digest = digest
  }

  public var kind: MessageKind { .view }
  public var byteCount: Int { Self.size }
  private static let size = 48

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    try Self.check(kind, is: .view, body, count: Self.size)
    guard let stage = Stage(rawValue: body[4]), body[5] == 0,
      body.uint16(at: 6) == 0
    else { throw .body }
    epoch = Epoch(body.uint32(at: 0))
    self.stage = stage
    digest = body.uint64(at: 8)
    members = body.nodeSet(at: 16)
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(epoch.value, at: offset)
    bytes.put(UInt32(stage.rawValue), at: offset + 4)
    bytes.put(digest, at: offset + 8)
    bytes.put(members, at: offset + 16)
  }
}
