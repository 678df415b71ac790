/// Why a frame was dropped. `rawValue` is an index: see `FrameCounters`.
public enum FrameError: UInt8, Error, Sendable {
  // What `FrameHeader` finds, in the order in which it looks.

  /// Another protocol's EtherType.
  case etherType
  /// Fewer bytes than Ethernet header and header.
  case short
  /// More bytes than an Ethernet frame of standard size has.
  case long
  /// The length field says less than a header or more than there is.
  case length
  /// The bytes are not what was sent.
  case checksum
  /// Another version of the protocol, and not a refusal.
  case version
  /// A kind that this version does not have.
  case kind
  /// A bit is set that this version wants clear.
  case reserved
  /// Body or page content that does not fit into the frame's length, or to its kind.
  case layout

  // What `LinkTable` finds.

  /// This node's own, come back.
  case echo
  /// Another cluster's.
  case cluster
  /// For another node, or for an earlier incarnation of this one.
  case receiver
  /// On a link that there is not: from an unknown node, or another incarnation of a known one.
  case stranger
  /// A body that the message's kind can't have.
  case body
  /// A sequence number or an acknowledgement that no correct peer can have sent.
  case window
  /// A fragment that does not continue the message before it.
  case fragment

  /// How many cases there are.
  @inlinable
  public static var count: Int { 16 }
}
