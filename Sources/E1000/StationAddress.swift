/// The address of one controller on its Ethernet.
public struct StationAddress: Hashable, Sendable {
  /// The six bytes as one number, the first on the wire the most significant.
  public let value: UInt64

  /// The low 48 bits of `value`.
  public init(_ value: UInt64) { self.value = value & 0xFFFF_FFFF_FFFF }

  /// Whether a single interface can have it: neither nobody's nor a group's (IEEE 802.3, 3.2.3).
  public var isUsable: Bool { value != 0 && value >> 40 & 1 == 0 }

  /// RAL and RAH hold the first byte on the wire in their lowest bits (SDM 13.5.2, 13.5.3), and so do words 0, 1 and 2
  /// of the EEPROM, one after the other (SDM 5.6.1).
  init(littleEndian bytes: UInt64) { self.init(bytes.byteSwapped >> 16) }

  var littleEndian: UInt64 { (value << 16).byteSwapped }
}
