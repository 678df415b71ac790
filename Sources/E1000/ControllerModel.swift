/// The controllers that the driver knows, by their PCI device ids; all are Intel's.
///
/// The data path of all of them is the same: legacy descriptors in two rings. They differ in reset and EEPROM, see
/// `ControllerTraits`. The I217 and I218 are MACs in a chipset, with a PHY that firmware has set up and the driver leaves
/// alone; they have not been tried. The I219 is left out: its transmitter and its reset have errata of their own.
public enum ControllerModel: UInt16, CaseIterable, Sendable {
  case i82540EM = 0x100E
  case i82545EM = 0x100F
  case i82545GM = 0x1026
  case i82541GI = 0x1076
  case i82541PI = 0x107C
  case i82574L = 0x10D3
  case i82574LA = 0x10F6
  case i217LM = 0x153A
  case i217V = 0x153B
  case i218LM = 0x155A
  case i218V = 0x1559
  case i218LM2 = 0x15A0
  case i218V2 = 0x15A1
  case i218LM3 = 0x15A2
  case i218V3 = 0x15A3

  public static var vendorID: UInt16 { 0x8086 }

  /// The model with these PCI ids; nil where the driver does not know it.
  public init?(vendorID: UInt16, deviceID: UInt16) {
    guard vendorID == Self.vendorID else { return nil }
    self.init(rawValue: deviceID)
  }

  public var name: StaticString {
    switch self {
    case .i82540EM: "82540EM"
    case .i82545EM: "82545EM"
    case .i82545GM: "82545GM"
    case .i82541GI: "82541GI"
    case .i82541PI: "82541PI"
    case .i82574L: "82574L"
    case .i82574LA: "82574LA"
    case .i217LM: "I217-LM"
    case .i217V: "I217-V"
    case .i218LM, .i218LM2, .i218LM3: "I218-LM"
    case .i218V, .i218V2, .i218V3: "I218-V"
    }
  }
}
