import PCI

/// Functions as arrays of registers. Bits that a mask lacks cannot be written.
final class FakeConfigurationSpace: PCIConfigurationSpace {
  struct Function {
    var registers = [UInt32](repeating: 0, count: 64)
    var masks = [UInt32](repeating: 0, count: 64)
  }

  var functions: [PCIAddress: Function] = [:]
  private(set) var readCount = 0

  func read(_ function: PCIAddress, _ offset: UInt8) -> UInt32 {
    precondition(offset % 4 == 0)
    readCount += 1
    return functions[function]?.registers[Int(offset / 4)] ?? .max
  }

  func write(_ value: UInt32, to function: PCIAddress, _ offset: UInt8) {
    precondition(offset % 4 == 0)
    guard let mask = functions[function]?.masks[Int(offset / 4)] else { return }
    if (0x10..<0x28).contains(offset) {
      precondition(functions[function]!.registers[1] & 2 == 0, "a base address changes while it is in use")
    }
    functions[function]!.registers[Int(offset / 4)] &= ~mask
    functions[function]!.registers[Int(offset / 4)] |= value & mask
  }

  /// Adds an Ethernet controller with the given ids and returns where.
  @discardableResult
  func add(
    _ vendor: UInt32 = 0x8086, _ device: UInt32 = 0x100E, at address: PCIAddress,
    isMultifunction: Bool = false
  ) -> PCIAddress {
    var function = Function()
    function.registers[0] = device << 16 | vendor
    function.registers[1] = 0x0010_0103
    function.masks[1] = 0x0000_FFFF
    function.registers[2] = 0x0200_0003
    function.registers[3] = isMultifunction ? 0x0080_0000 : 0
    // 128 KiB at FEB8_0000H; ports; nothing else.
    function.registers[4] = 0xFEB8_0000
    function.masks[4] = 0xFFFE_0000
    function.registers[5] = 0x0000_C001
    function.masks[5] = 0xFFFF_FFC0
    function.registers[15] = 0x0000_010B
    functions[address] = function
    return address
  }
}
