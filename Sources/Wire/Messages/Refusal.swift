import Ethernet

/// A node is not wanted in the cluster, and is told why.
///
/// Nodes of every version read it, whatever the version of its sender: its layout never changes, nor do the meanings
/// of its reasons; new ones may come.
public struct Refusal: WireMessage, Equatable {
  /// Open-ended: a later version may have reasons that this one does not know.
  public struct Reason: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Another version of the protocol; `detail` is the refuser's.
    public static var protocolVersion: Self { Self(rawValue: 1) }
    /// Other software that can't work with the refuser's; `detail` is the refuser's build.
    public static var softwareVersion: Self { Self(rawValue: 2) }
    /// It expects another number of nodes; `detail` is the refuser's number.
    public static var nodeCount: Self { Self(rawValue: 3) }
    /// Another node has the number that it wants; `detail` is the number.
    public static var duplicateID: Self { Self(rawValue: 4) }
    /// Another node has its address; `detail` is the address.
    public static var duplicateAddress: Self { Self(rawValue: 5) }
    /// The cluster has all its nodes.
    public static var clusterFull: Self { Self(rawValue: 6) }
    /// Its processor lacks what the cluster uses; `detail` says what, as the software defines it.
    public static var processor: Self { Self(rawValue: 7) }
    /// It was declared down and can only come back as a new incarnation; `detail` is the weight of the refuser's part of
    /// the cluster.
    public static var declaredDown: Self { Self(rawValue: 8) }
    /// It sends as a member and is none; `detail` is the weight of the refuser's cluster.
    public static var stranger: Self { Self(rawValue: 9) }
  }

  public var reason: Reason
  public var detail: UInt64

  public init(_ reason: Reason, detail: UInt64 = 0) {
    self.reason = reason
    self.detail = detail
  }

  public var kind: MessageKind { .refusal }
  public var byteCount: Int { Self.size }
  private static let size = 16

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    try Self.check(kind, is: .refusal, body, count: Self.size)
    guard body.uint16(at: 2) == 0, body.uint32(at: 4) == 0 else { throw .body }
    reason = Reason(rawValue: body.uint16(at: 0))
    detail = body.uint64(at: 8)
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(UInt64(reason.rawValue), at: offset)
    bytes.put(detail, at: offset + 8)
  }
}
