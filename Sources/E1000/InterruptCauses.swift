/// What a controller interrupts for, as ICR, IMS and IMC have it (SDM 13.4.17; datasheet 10.2.4.1).
public struct InterruptCauses: OptionSet, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let linkChange = Self(rawValue: 1 << 2)
  /// Few descriptors are left to the receiver.
  public static let receiveDescriptorsLow = Self(rawValue: 1 << 4)
  /// A frame found no descriptor, or no room in the controller's own memory.
  public static let receiveOverrun = Self(rawValue: 1 << 6)
  /// A frame has been received.
  public static let received = Self(rawValue: 1 << 7)

  /// All that a sleeping receiver has to be woken for.
  public static let doorbell: Self = [.linkChange, .receiveDescriptorsLow, .receiveOverrun, .received]
}
