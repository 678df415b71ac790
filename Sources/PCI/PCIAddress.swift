/// Where a function sits: its bus, its device there (0 to 31) and its number in that (0 to 7).
public struct PCIAddress: Hashable, Sendable {
  public let bus: UInt8
  public let device: UInt8
  public let function: UInt8

  /// The low 5 bits of `device` and the low 3 of `function`.
  public init(bus: UInt8, device: UInt8, function: UInt8) {
    self.bus = bus
    self.device = device & 31
    self.function = function & 7
  }

  /// All of it in 16 bits: what stands in bits 23:8 of the address register (PCI Local Bus 3.0, 3.2.2.3.2).
  public var number: UInt16 { UInt16(bus) << 8 | UInt16(device) << 3 | UInt16(function) }
}
