// SDM Vol. 3A, 11.6.1, "Interrupt Command Register (ICR)", and 11.12.9, "ICR Operation in x2APIC Mode".

extension LocalAPIC {
  static let deliveryStatus: UInt64 = 1 << 12

  /// What the interrupt command register asks for, with `destination` in the width of the mode.
  ///
  /// Every interprocessor interrupt is edge-triggered: the trigger bit means something for INIT only, where
  /// with level 0 it is the de-assert that no processor of today listens to. Combinations that the table
  /// "Valid Combinations for the Pentium 4 and Intel Xeon Processors' Local xAPIC ICR" calls invalid
  /// and reserved delivery modes send nothing.
  mutating func sendCommand(to destination: UInt32, broadcast: UInt32) -> LocalAPICEffect {
    interruptCommand &= ~Self.deliveryStatus
    let command = UInt32(truncatingIfNeeded: interruptCommand)
    let vector = UInt8(truncatingIfNeeded: command)
    guard let mode = InterruptMessage.DeliveryMode(rawValue: UInt8(command >> 8 & 7)) else { return .none }
    if mode == .fixed || mode == .lowestPriority {
      guard vector >= Self.firstLegalVector else {
        record(.sentIllegalVector)
        return .none
      }
    }
    let isLevel = command >> 15 & 1 != 0
    let isAssert = command >> 14 & 1 != 0
    if mode == .initialize && isLevel && !isAssert { return .none }

    switch command >> 18 & 3 {
    case 1:
      if mode == .fixed { sendToSelf(vector) }
      return .none
    case 2:
      return mode == .fixed ? .send(InterruptMessage(to: .all, mode, vector: vector)) : .none
    case 3:
      return .send(InterruptMessage(to: .others, mode, vector: vector))
    default:
      if destination == broadcast { return .send(InterruptMessage(to: .all, mode, vector: vector)) }
      let isLogical = command >> 11 & 1 != 0
      return .send(
        InterruptMessage(
          to: isLogical ? .logical(destination) : .physical(destination), mode, vector: vector))
    }
  }

  /// An interrupt from this processor to itself does not leave it.
  mutating func sendToSelf(_ vector: UInt8) {
    if vector < Self.firstLegalVector {
      record(.sentIllegalVector)
    } else {
      accept(vector, trigger: .edge)
    }
  }
}
