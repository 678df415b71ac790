/// The registers of one controller: on a PC the memory of its first BAR, in a test a model of the device.
///
/// A copy stands for the same registers.
public protocol RegisterBus {
  /// Reads the 32-bit register at byte `offset`, once.
  func read(_ offset: UInt32) -> UInt32

  /// Writes the 32-bit register at byte `offset`, once; the controller sees it after all earlier writes.
  func write(_ value: UInt32, to offset: UInt32)

  /// Lets at least so many microseconds go by.
  func wait(microseconds: Int)
}

extension RegisterBus {
  func read(_ register: Register) -> UInt32 { read(register.rawValue) }
  func write(_ value: UInt32, to register: Register) { write(value, to: register.rawValue) }

  /// Asks at once and then every `interval` microseconds, `limit` times; false where the answer stays no.
  func poll(every interval: Int, limit: Int, until isReached: () -> Bool) -> Bool {
    for _ in 0..<limit {
      if isReached() { return true }
      wait(microseconds: interval)
    }
    return isReached()
  }
}
