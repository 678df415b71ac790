/// A read or a write of a vCPU's that a device has to answer.
public struct DeviceAccess: Hashable, Sendable {
  public enum Space: UInt8, Sendable {
    /// `address` is a port.
    case port
    /// `address` is an offset in the I/O APIC's page, below 4096.
    case ioAPIC
  }

  public var space: Space
  public var isWrite: Bool
  /// In bytes: 1, 2 or 4.
  public var width: UInt8
  public var address: UInt16
  /// What is written, in the low `width` bytes; of no meaning for reads.
  public var value: UInt32

  public init(space: Space, isWrite: Bool, width: UInt8, address: UInt16, value: UInt32) {
    self.space = space
    self.isWrite = isWrite
    self.width = width
    self.address = address
    self.value = value
  }
}
