/// The sleep control, sleep status and reset registers of a hardware-reduced ACPI machine (ACPI 6.5, 4.8.3.7,
/// "Sleep Control and Status Registers", and 4.8.3.6, "Reset Register"). Soft off is the only sleep there is.
struct PowerControl: Sendable {
  private static let sleepEnable: UInt8 = 1 << 5
  private static let sleepType: UInt8 = 0b1_1100

  private var sleepControl: UInt8 = 0
  private(set) var request: PowerRequest?

  /// The sleep type reads back, the enable bit is write-only.
  func readSleepControl() -> UInt8 { sleepControl }

  mutating func writeSleepControl(_ value: UInt8) {
    sleepControl = value & Self.sleepType
    if value & Self.sleepEnable != 0 && sleepControl >> 2 == GuestPorts.softOffSleepType {
      request = .powerOff
    }
  }

  mutating func writeReset(_ value: UInt8) {
    if value == GuestPorts.resetValue { request = .reset }
  }
}
