import CPU

/// The pair of 8259 interrupt controllers that firmware may have left on (Intel 8259A data sheet).
enum LegacyPIC {
  /// Masks all of their lines, moved away from the exceptions' vectors first: a line that was already pending may
  /// still come through once, as a spurious interrupt.
  static func disable() {
    for (command, vector, cascade): (UInt16, UInt8, UInt8) in [(0x20, 0x20, 4), (0xA0, 0x28, 2)] {
      writePort8(command, 0x11)
      writePort8(command + 1, vector)
      writePort8(command + 1, cascade)
      writePort8(command + 1, 0x01)
      writePort8(command + 1, 0xFF)
    }
  }
}
