import Ethernet
import E1000
import PCI

extension LogLine.Interpolation {
  /// Six pairs of digits.
  mutating func appendInterpolation(_ address: MACAddress) {
    for shift in stride(from: 40 as UInt64, through: 0, by: -8) {
      if shift < 40 { line.append(byte: UInt8(ascii: ":")) }
      line.append(hex: address.value >> shift & 0xFF, digits: 2)
    }
  }

  /// Vendor and device id.
  mutating func appendInterpolation(ids function: PCIFunction) {
    line.append(hex: UInt64(function.vendorID), digits: 4)
    line.append(byte: UInt8(ascii: ":"))
    line.append(hex: UInt64(function.deviceID), digits: 4)
  }

  /// Bus, device and function.
  mutating func appendInterpolation(_ address: PCIAddress) {
    line.append(hex: UInt64(address.bus), digits: 1)
    line.append(byte: UInt8(ascii: ":"))
    line.append(hex: UInt64(address.device), digits: 1)
    line.append(byte: UInt8(ascii: "."))
    line.append(hex: UInt64(address.function), digits: 1)
  }

  mutating func appendInterpolation(_ link: LinkState) {
    switch link {
    case .down: line.append("link down")
    case .up(let speed, let isFullDuplex):
      line.append("link up, ")
      line.append(decimal: speed)
      line.append(isFullDuplex ? " Mb/s" : " Mb/s, half duplex")
    }
  }

  mutating func appendInterpolation(_ error: ControllerError) {
    switch error {
    case .absent: line.append("its registers do not answer")
    case .resetTimedOut: line.append("it does not come out of reset")
    case .eepromTimedOut: line.append("its EEPROM does not answer")
    case .noAddress(let address):
      line.append("it has no address of its own, but ")
      appendInterpolation(address)
    case .unsuitableMemory(let needed):
      line.append("its rings need ")
      line.append(decimal: needed)
      line.append(" bytes")
    }
  }

  mutating func appendInterpolation(_ error: NICError) {
    switch error {
    case .noRegisters: line.append("firmware has given its registers no place")
    case .registersNotMapped(let error):
      line.append("its registers cannot be mapped: ")
      line.append(error.summary)
    case .outOfFrames: line.append("no memory for its rings")
    case .controller(let error): appendInterpolation(error)
    }
  }
}
