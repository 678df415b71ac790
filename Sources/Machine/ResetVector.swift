import Memory

/// Code for the place where a PC's firmware takes over from real mode.
///
/// Linux 6.1 does not use the reset register of a hardware-reduced ACPI machine on its own: it asks UEFI to
/// restart and, where there is none, enters real mode and jumps to FFFF:0000, the BIOS's entry after a
/// reset. Sixteen bytes of RAM stand there. The code in them writes the reset register for the guest.
public enum ResetVector {
  public static let address = GuestPhysicalAddress(0xF_FFF0)

  /// 16-bit code that does not return and needs no stack.
  public static var code: InlineArray<9, UInt8> {
    [
      0xBA, UInt8(truncatingIfNeeded: GuestPorts.reset), UInt8(GuestPorts.reset >> 8),  // mov dx, reset
      0xB0, GuestPorts.resetValue,  // mov al, resetValue
      0xEE,  // out dx, al
      0xF4, 0xEB, 0xFD,  // hlt, for ever
    ]
  }
}
