/// Where the fields of a frame stand, in bytes from its start; docs/wire.md has the same as a table.
public enum FrameLayout {
  // Ethernet II
  static let destination = 0
  static let source = 6
  static let etherTypeOffset = 12

  // Our header
  static let version = 14
  static let kind = 15
  static let length = 16
  static let checksum = 18
  static let sender = 22
  static let receiver = 24
  static let cluster = 26
  static let senderIncarnation = 30
  static let receiverIncarnation = 34
  static let epoch = 38
  static let sequence = 42
  static let acknowledgement = 46
  static let bodyCount = 50
  static let flags = 52
  /// Zero.
  static let reserved = 53
  static let pageLines = 54
  /// Kept for an authentication tag: 16 bytes of zeros.
  static let tag = 62

  /// Where the body starts.
  public static let body = 78

  /// IEEE 802's first EtherType for local experiments.
  public static let etherType: UInt16 = 0x88B5

  public static let currentVersion: UInt8 = 2

  /// Bytes of the longest frame, without its FCS.
  public static let maximumFrameCount = 1514

  /// Bytes of the longest body of a message on a link.
  public static let maximumLinkBodyCount = 128

  /// Bytes of the longest body of a datagram.
  public static var maximumBodyCount: Int { maximumFrameCount - body }

  /// Lines of a page that fit into a frame behind a body.
  public static func lineCapacity(bodyCount: Int) -> Int {
    (maximumFrameCount - body - bodyCount) / PageLines.lineSize
  }
}
