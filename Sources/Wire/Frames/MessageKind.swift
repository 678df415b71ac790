/// What a frame carries: the second byte of its header.
///
/// A *sequenced* kind travels on a link: exactly once and in order. The others are datagrams, which may be lost,
/// doubled or overtaken.
public enum MessageKind: UInt8, CaseIterable, Sendable {
  /// The header alone, for its acknowledgement.
  case acknowledgement = 0x01

  /// `Announcement`: a node says that it is there and what it has.
  case announcement = 0x10
  /// `View`: a node says which cluster map it holds.
  case view = 0x11
  /// `Heartbeat`: a node lives.
  case heartbeat = 0x12
  /// `ClockRequest`
  case clockRequest = 0x13
  /// `ClockReply`
  case clockReply = 0x14

  /// `Ping`, sequenced.
  case ping = 0x20
  /// `Ping`, sequenced: the answer to one, with the same body and page.
  case pong = 0x21

  /// What nodes say about a page, sequenced; the body is that of module Coherence.
  case coherence = 0x30
  /// `Adoption`, sequenced: a node has no room for a page.
  case adoption = 0x31

  /// What nodes say about the guest's machine, sequenced; the body is that of module Node.
  case guest = 0x40

  /// `Refusal`: a node is not wanted. Number and layout are the same in all versions.
  case refusal = 0xFF

  /// Whether messages of this kind travel on a link.
  @inlinable
  public var isSequenced: Bool {
    switch self {
    case .ping, .pong, .coherence, .adoption, .guest: true
    case .acknowledgement, .announcement, .view, .heartbeat, .clockRequest, .clockReply, .refusal:
      false
    }
  }

  public static var count: Int { 12 }

  /// Counts the kinds, in the order of their numbers, from 0 to `count` − 1: for tables.
  @inlinable
  public var index: Int {
    switch self {
    case .acknowledgement: 0
    case .announcement: 1
    case .view: 2
    case .heartbeat: 3
    case .clockRequest: 4
    case .clockReply: 5
    case .ping: 6
    case .pong: 7
    case .coherence: 8
    case .adoption: 9
    case .guest: 10
    case .refusal: 11
    }
  }
}
