import Memory

extension PCIFunction {
  /// The memory that base address register `index` (0 to 5) stands for; nil where it stands for ports or nothing, or firmware
  /// gave it no address (PCI Local Bus 3.0, 6.2.5).
  ///
  /// To learn the size the function is kept from answering for a moment.
  public func memory<Space: PCIConfigurationSpace>(_ index: UInt8, in space: Space) -> Range<
    HostPhysicalAddress
  >? {
    guard headerType == 0, index < 6 else { return nil }
    let register = Register.firstBase + 4 * index
    let low = space.read(address, register)
    let isWide = low & 0b110 == 0b100
    guard low & 1 == 0, !isWide || index < 5 else { return nil }
    let high = isWide ? space.read(address, register + 4) : 0
    let base = UInt64(high) << 32 | UInt64(low & ~0xF)

    let command = space.read(address, Register.command) & Command.all
    space.write(command & ~Command.memory, to: address, Register.command)
    var mask = UInt64(writable(register, holding: low, in: space) & ~0xF)
    mask |= isWide ? UInt64(writable(register + 4, holding: high, in: space)) << 32 : 0xFFFF_FFFF << 32
    space.write(command, to: address, Register.command)

    let size = ~mask &+ 1
    let (end, overflow) = base.addingReportingOverflow(size)
    guard base != 0, size != 0, !overflow else { return nil }
    return HostPhysicalAddress(base)..<HostPhysicalAddress(end)
  }

  /// The bits of a register that can be written; it holds `value` before and after.
  private func writable<Space: PCIConfigurationSpace>(
    _ register: UInt8, holding value: UInt32, in space: Space
  ) -> UInt32 {
    space.write(.max, to: address, register)
    defer { space.write(value, to: address, register) }
    return space.read(address, register)
  }
}
