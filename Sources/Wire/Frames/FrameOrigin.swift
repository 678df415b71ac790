import Ethernet

/// Who sent a frame, of whatever version: these fields stand in the same place in all of them.
///
/// Only of use where the frame's checksum was right, as it was if `LinkTable.receive` says `.dropped(.version)`.
public struct FrameOrigin: Equatable, Sendable {
  public var address: MACAddress
  public var version: UInt8
  public var cluster: ClusterID
  public var id: NodeID
  public var incarnation: Incarnation

  /// nil where `frame` is too short to have a header.
  public init?(_ frame: Span<UInt8>) {
    guard frame.count >= FrameLayout.body else { return nil }
    address = frame.macAddress(at: FrameLayout.source)
    version = frame[FrameLayout.version]
    cluster = ClusterID(frame.uint32(at: FrameLayout.cluster))
    id = NodeID(frame.uint16(at: FrameLayout.sender))
    incarnation = Incarnation(frame.uint32(at: FrameLayout.senderIncarnation))
  }
}
