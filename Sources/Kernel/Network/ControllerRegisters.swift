import Ethernet
import CPU
import E1000

/// The registers of an Ethernet controller, at their own address and uncached.
struct ControllerRegisters: RegisterBus {
  let base: UInt64

  /// Bytes that the driver uses; all its controllers have so many.
  static let byteCount: UInt64 = 128 << 10

  @inline(__always)
  func read(_ offset: UInt32) -> UInt32 { readMMIO32(base + UInt64(offset)) }

  @inline(__always)
  func write(_ value: UInt32, to offset: UInt32) { writeMMIO32(base + UInt64(offset), value) }

  func wait(microseconds: Int) { node.clock.spin(microseconds: UInt64(microseconds)) }
}
