import Ethernet

extension MACAddress {
  /// RAL and RAH hold the first byte on the wire in their lowest bits (SDM 13.5.2, 13.5.3), and so do words 0, 1 and 2
  /// of the EEPROM, one after the other (SDM 5.6.1).
  init(littleEndian bytes: UInt64) { self.init(bytes.byteSwapped >> 16) }

  var littleEndian: UInt64 { (value << 16).byteSwapped }
}
