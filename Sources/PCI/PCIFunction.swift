/// One function that is present, by the header that all have in common (PCI Local Bus 3.0, 6.1).
public struct PCIFunction: Equatable, Sendable {
  public let address: PCIAddress
  public let vendorID: UInt16
  public let deviceID: UInt16

  /// Base class, subclass and programming interface, the base class highest.
  public let classCode: UInt32

  /// Whether the device has other functions than 0.
  let isMultifunction: Bool

  /// Layout of the rest of the header: 0 for all but bridges.
  let headerType: UInt8

  public init?<Space: PCIConfigurationSpace>(at address: PCIAddress, in space: Space) {
    let identity = space.read(address, Register.identity)
    guard identity & 0xFFFF != 0xFFFF else { return nil }
    self.address = address
    vendorID = UInt16(truncatingIfNeeded: identity)
    deviceID = UInt16(truncatingIfNeeded: identity >> 16)
    classCode = space.read(address, Register.classCode) >> 8
    let header = UInt8(truncatingIfNeeded: space.read(address, Register.headerType) >> 16)
    isMultifunction = header & 0x80 != 0
    headerType = header & 0x7F
  }

  /// Base class network, subclass Ethernet (PCI Code and ID Assignment 1.11, 1.3).
  public var isEthernet: Bool { classCode >> 8 == 0x0200 }

  enum Register {
    static let identity: UInt8 = 0x00
    static let command: UInt8 = 0x04
    static let classCode: UInt8 = 0x08
    static let headerType: UInt8 = 0x0C
    static let firstBase: UInt8 = 0x10
    static let capabilities: UInt8 = 0x34
    static let interrupt: UInt8 = 0x3C
  }

  /// Bits of the command register (6.2.2). Those of the status register above it are cleared by ones, and so are written as
  /// zeroes.
  enum Command {
    static let memory: UInt32 = 1 << 1
    static let busMaster: UInt32 = 1 << 2
    static let all: UInt32 = 0xFFFF
  }

  /// Lets the function answer in memory and start requests of its own.
  public func enable<Space: PCIConfigurationSpace>(in space: Space) {
    let command = space.read(address, Register.command) & Command.all
    space.write(command | Command.memory | Command.busMaster, to: address, Register.command)
  }

  /// The interrupt line that firmware has given its pin, as the number of an ISA interrupt; nil where it has no pin or
  /// got no line (6.2.4).
  public func interruptLine<Space: PCIConfigurationSpace>(in space: Space) -> UInt8? {
    let register = space.read(address, Register.interrupt)
    let line = UInt8(truncatingIfNeeded: register)
    return register >> 8 & 0xFF == 0 || line == 0 || line > 15 ? nil : line
  }
}
