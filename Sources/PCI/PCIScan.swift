/// The functions of a PC, in rising order of their addresses.
///
/// Every bus is searched and not only those that bridges from bus 0 lead to: a PC may have several root buses. All of
/// them take some ten thousand reads, so whoever has found what it wants stops.
public struct PCIScan<Space: PCIConfigurationSpace>: IteratorProtocol, Sequence {
  private let space: Space
  /// `PCIAddress.number` of what is asked next.
  private var position: UInt32 = 0

  public init(_ space: Space) { self.space = space }

  public mutating func next() -> PCIFunction? {
    while position <= UInt32(UInt16.max) {
      let address = PCIAddress(
        bus: UInt8(position >> 8), device: UInt8(position >> 3 & 31), function: UInt8(position & 7))
      let function = PCIFunction(at: address, in: space)
      // A device whose function 0 is absent, or alone, has no other (PCI Local Bus 3.0, 6.1 and 6.2.1).
      let isAlone = address.function == 0 && !(function?.isMultifunction ?? false)
      position += isAlone ? 8 : 1
      if let function { return function }
    }
    return nil
  }
}
