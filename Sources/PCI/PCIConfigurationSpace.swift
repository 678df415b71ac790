/// The configuration registers of all functions: the first 256 bytes of each, which ports reach too.
public protocol PCIConfigurationSpace {
  /// Reads the 32-bit register at byte `offset`, a multiple of 4; all ones where there is no such function.
  func read(_ function: PCIAddress, _ offset: UInt8) -> UInt32

  func write(_ value: UInt32, to function: PCIAddress, _ offset: UInt8)
}
