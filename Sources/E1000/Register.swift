// Offsets are those of the 8254x SDM (Intel 317453, chapter 13) and of the 82574's datasheet (Intel 317694,
// chapter 10), which share them.

/// A register, by its byte offset from the first BAR.
enum Register: UInt32 {
  /// CTRL (SDM 13.4.1; datasheet 10.2.2.1).
  case deviceControl = 0x0000
  /// STATUS (SDM 13.4.2; datasheet 10.2.2.2).
  case deviceStatus = 0x0008
  /// EECD (SDM 13.4.3; datasheet 10.2.2.3).
  case eepromControl = 0x0010
  /// EERD (SDM 13.4.4; datasheet 10.2.2.4).
  case eepromRead = 0x0014
  /// CTRL_EXT (SDM 13.4.6; datasheet 10.2.2.5).
  case extendedControl = 0x0018

  /// ICR: reading it clears it (SDM 13.4.17; datasheet 10.2.4.1).
  case interruptCause = 0x00C0
  /// ITR (SDM 13.4.18; datasheet 10.2.4.2).
  case interruptThrottle = 0x00C4
  /// ICS (SDM 13.4.19; datasheet 10.2.4.4).
  case interruptCauseSet = 0x00C8
  /// IMS (SDM 13.4.20; datasheet 10.2.4.5).
  case interruptMaskSet = 0x00D0
  /// IMC (SDM 13.4.21; datasheet 10.2.4.6).
  case interruptMaskClear = 0x00D8

  /// RCTL (SDM 13.4.22; datasheet 10.2.5.1).
  case receiveControl = 0x0100
  /// TCTL (SDM 13.4.33; datasheet 10.2.6.1).
  case transmitControl = 0x0400
  /// TIPG (SDM 13.4.34; datasheet 10.2.6.2).
  case transmitGap = 0x0410

  /// RDBAL, RDBAH, RDLEN, RDH, RDT (SDM 13.4.25 to 13.4.29).
  case receiveBaseLow = 0x2800
  case receiveBaseHigh = 0x2804
  case receiveLength = 0x2808
  case receiveHead = 0x2810
  case receiveTail = 0x2818
  /// RDTR (SDM 13.4.30).
  case receiveDelay = 0x2820
  /// RADV (SDM 13.4.31).
  case receiveAbsoluteDelay = 0x282C

  /// TDBAL, TDBAH, TDLEN, TDH, TDT (SDM 13.4.36 to 13.4.40).
  case transmitBaseLow = 0x3800
  case transmitBaseHigh = 0x3804
  case transmitLength = 0x3808
  case transmitHead = 0x3810
  case transmitTail = 0x3818
  /// TXDCTL (datasheet 10.2.6.11).
  case transmitDescriptorControl = 0x3828

  /// RXCSUM: offloads of IP, TCP and UDP (SDM 13.4.47; datasheet 10.2.5.15).
  case receiveChecksum = 0x5000
  /// RFCTL, which the 8254x lack (datasheet 10.2.5.16).
  case receiveFilterControl = 0x5008
  /// The first word of the MTA (SDM 13.5.1).
  case multicastTable = 0x5200
  /// RAL and RAH of the first receive address, which is the controller's own (SDM 13.5.2, 13.5.3).
  case receiveAddressLow = 0x5400
  case receiveAddressHigh = 0x5404
}
