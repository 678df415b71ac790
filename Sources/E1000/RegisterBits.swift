/// CTRL (SDM 13.4.1; datasheet 10.2.2.1).
struct DeviceControl: OptionSet {
  let rawValue: UInt32

  /// On PCI Express: starts no new request on the bus (datasheet 10.2.2.1, GIO Master Disable).
  static let stopsBusMastering = Self(rawValue: 1 << 2)
  static let linkReset = Self(rawValue: 1 << 3)
  /// Lets the MAC see the PHY's link.
  static let setLinkUp = Self(rawValue: 1 << 6)
  static let invertLossOfSignal = Self(rawValue: 1 << 7)
  static let forceSpeed = Self(rawValue: 1 << 11)
  static let forceDuplex = Self(rawValue: 1 << 12)
  /// Clears itself when the reset is done.
  static let reset = Self(rawValue: 1 << 26)
  static let receivePause = Self(rawValue: 1 << 27)
  static let transmitPause = Self(rawValue: 1 << 28)
  /// Takes VLAN tags out of frames and puts them in.
  static let vlanMode = Self(rawValue: 1 << 30)
  static let phyReset = Self(rawValue: 1 << 31)
}

/// STATUS (SDM 13.4.2; datasheet 10.2.2.2).
struct DeviceStatus: OptionSet {
  let rawValue: UInt32

  static let fullDuplex = Self(rawValue: 1 << 0)
  static let linkUp = Self(rawValue: 1 << 1)
  /// On PCI Express: requests of the controller may still be open.
  static let mastersBus = Self(rawValue: 1 << 19)

  /// In Mb/s.
  var speed: Int {
    switch rawValue >> 6 & 0b11 {
    case 0: 10
    case 1: 100
    default: 1000
    }
  }
}

/// RCTL (SDM 13.4.22; datasheet 10.2.5.1). A buffer has 2,048 bytes where BSIZE is 0 and BSEX clear.
struct ReceiveControl: OptionSet {
  let rawValue: UInt32

  static let enable = Self(rawValue: 1 << 1)
  /// Takes frames of more than 1,522 bytes, CRC included.
  static let longFrames = Self(rawValue: 1 << 5)
  static let broadcast = Self(rawValue: 1 << 15)
  static let stripCRC = Self(rawValue: 1 << 26)
}

/// TCTL (SDM 13.4.33; datasheet 10.2.6.1).
struct TransmitControl: OptionSet {
  let rawValue: UInt32

  static let enable = Self(rawValue: 1 << 1)
  static let padShortFrames = Self(rawValue: 1 << 3)
  /// Collision threshold 15, collision distance 64: what the manuals recommend for full duplex.
  static let collisions = Self(rawValue: 0x0F << 4 | 0x40 << 12)
  static let collisionFields = Self(rawValue: 0xFF << 4 | 0x3FF << 12)
}

/// Single bits of registers that have no more to say here.
enum RegisterBit {
  /// EECD: the controller has read what it needs from its EEPROM (datasheet 10.2.2.3, Auto_RD).
  static let eepromIsRead: UInt32 = 1 << 9
  /// CTRL_EXT: tells the firmware of a manageable board that a driver has the controller (datasheet 10.2.2.5).
  static let driverLoaded: UInt32 = 1 << 28
  /// TXDCTL: must be set (datasheet 10.2.6.11).
  static let transmitReserved: UInt32 = 1 << 22
  /// TXDCTL: thresholds count descriptors, and each is written back by itself (datasheet 10.2.6.11, GRAN, WTHRESH).
  static let transmitWriteBackEach: UInt32 = 1 << 24 | 1 << 16
  /// RFCTL: descriptors of the extended format (datasheet 10.2.5.16, EXSTEN).
  static let extendedDescriptors: UInt32 = 1 << 15
  /// RAH: the receive address counts (SDM 13.5.3, AV).
  static let addressValid: UInt32 = 1 << 31
}
