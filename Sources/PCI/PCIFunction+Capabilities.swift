extension PCIFunction {
  /// What a function may have besides the header (PCI Local Bus 3.0, appendix H).
  enum Capability: UInt8 {
    case powerManagement = 0x01
    case messageInterrupts = 0x05
  }

  /// Where a capability stands, or nil. The list is followed for as many steps as there is room for capabilities: a
  /// broken one may go round in circles.
  func offset<Space: PCIConfigurationSpace>(of capability: Capability, in space: Space) -> UInt8? {
    guard headerType == 0, space.read(address, Register.command) >> 20 & 1 != 0 else { return nil }
    var offset = UInt8(truncatingIfNeeded: space.read(address, Register.capabilities)) & ~3
    for _ in 0..<48 {
      guard offset >= 0x40 else { return nil }
      let header = space.read(address, offset)
      if UInt8(truncatingIfNeeded: header) == capability.rawValue { return offset }
      offset = UInt8(truncatingIfNeeded: header >> 8) & ~3
    }
    return nil
  }

  /// Brings the function to full power; true where it was not there, and needs 10 ms before it is used (PCI Power
  /// Management 1.2, 3.2.4 and 5.6.1).
  public func wake<Space: PCIConfigurationSpace>(in space: Space) -> Bool {
    guard let offset = offset(of: .powerManagement, in: space), offset <= 0xF8 else { return false }
    let status = space.read(address, offset + 4)
    guard status & 0b11 != 0 else { return false }
    // Bit 15 is cleared by a one.
    space.write(status & ~0x8003, to: address, offset + 4)
    return true
  }

  /// Makes the function's interrupts messages: writes of `data` to `messageAddress` (PCI Local Bus 3.0, 6.8.1); false where
  /// it has none.
  public func enableMessageInterrupt<Space: PCIConfigurationSpace>(
    messageAddress: UInt32, data: UInt16, in space: Space
  ) -> Bool {
    guard let offset = offset(of: .messageInterrupts, in: space), offset <= 0xF0 else { return false }
    let header = space.read(address, offset)
    let isWide = header >> 23 & 1 != 0
    space.write(messageAddress, to: address, offset + 4)
    if isWide { space.write(0, to: address, offset + 8) }
    let dataOffset = offset + (isWide ? 12 : 8)
    space.write(space.read(address, dataOffset) & 0xFFFF_0000 | UInt32(data), to: address, dataOffset)
    // One message, and on.
    space.write(header & ~(0b111 << 20) | 1 << 16, to: address, offset)
    return true
  }
}
