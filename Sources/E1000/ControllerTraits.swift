/// In what the controllers differ, as far as the driver is concerned.
struct ControllerTraits: Equatable {
  /// How EERD is laid out (SDM 13.4.4; datasheet 10.2.2.4).
  enum EEPROMRead: Equatable {
    /// Done in bit 4, the word's number from bit 8 on.
    case narrow
    /// Done in bit 1, the word's number from bit 2 on.
    case wide
    /// There is no EEPROM of its own: the chipset's flash, which firmware has read (ICH8 and later).
    case none
  }

  var eepromRead: EEPROMRead

  /// Whether it sits on PCI Express, where its requests are stopped before a reset (datasheet 10.2.2.1) and EECD says when
  /// the EEPROM has been read.
  var isExpress: Bool

  /// Microseconds after the start of a reset in which no register may be touched.
  var resetSilence: Int

  /// Microseconds from the end of a reset until what the EEPROM says has taken effect.
  var settling: Int

  /// Receive addresses after the first, and words of the multicast table, that are to be cleared.
  var otherAddressCount: UInt32
  var multicastWordCount: UInt32
}

extension ControllerModel {
  var traits: ControllerTraits {
    switch self {
    case .i82540EM, .i82545EM, .i82545GM:
      ControllerTraits(
        eepromRead: .narrow, isExpress: false, resetSilence: 10, settling: 5000, otherAddressCount: 15,
        multicastWordCount: 128)
    case .i82541GI, .i82541PI:
      ControllerTraits(
        eepromRead: .wide, isExpress: false, resetSilence: 10, settling: 20_000, otherAddressCount: 15,
        multicastWordCount: 128)
    case .i82574L, .i82574LA:
      ControllerTraits(
        eepromRead: .wide, isExpress: true, resetSilence: 1000, settling: 25_000, otherAddressCount: 15,
        multicastWordCount: 128)
    case .i217LM, .i217V, .i218LM, .i218V, .i218LM2, .i218V2, .i218LM3, .i218V3:
      ControllerTraits(
        eepromRead: .none, isExpress: true, resetSilence: 20_000, settling: 0, otherAddressCount: 0,
        multicastWordCount: 32)
    }
  }
}
