/// The bits of a header.
struct FrameFlags: OptionSet {
  let rawValue: UInt8

  /// The acknowledgement counts.
  static let acknowledges = FrameFlags(rawValue: 1 << 0)
  /// A frame from beyond the acknowledged ones has come: those between are missing.
  static let gap = FrameFlags(rawValue: 1 << 1)
  /// The page is all zero.
  static let zeroPage = FrameFlags(rawValue: 1 << 2)
  /// Lines of a page follow the body.
  static let pageLines = FrameFlags(rawValue: 1 << 3)
  /// The frame continues the message of the frame before it.
  static let continues = FrameFlags(rawValue: 1 << 4)
  /// The next frame continues this one's message.
  static let more = FrameFlags(rawValue: 1 << 5)

  /// The bits that this version wants clear.
  static var unknownBits: UInt8 { 0b1100_0000 }

  /// Those that say something of a page.
  static var ofPages: FrameFlags { [.zeroPage, .pageLines, .continues, .more] }
}
