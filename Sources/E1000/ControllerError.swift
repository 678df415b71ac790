import Ethernet

/// Why a controller could not be started.
public enum ControllerError: Error, Equatable, Sendable {
  /// Its registers read as ones: nothing answers there.
  case absent
  /// It stayed in reset.
  case resetTimedOut
  /// Its EEPROM gave no answer.
  case eepromTimedOut
  /// Neither its registers nor its EEPROM hold an address that one interface can have; this is the EEPROM's.
  case noAddress(MACAddress)
  /// The memory for a ring is smaller than this many bytes, or does not start at a multiple of 128.
  case unsuitableMemory(needed: Int)
}
