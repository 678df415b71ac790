import Ethernet
import E1000

let ownAddress = MACAddress(0x5254_0012_3401)

extension FakeController {
  /// Starts the driver on this controller.
  func start(_ sizes: RingSizes = RingSizes(slotCount: 8)!) throws(ControllerError) -> Driver {
    Driver(
      try Driver.Controller(
        model, bus: self, sizes: sizes, receiveMemory: FakeMemory(run: receiveRun),
        transmitMemory: FakeMemory(run: transmitRun)))
  }
}

/// Bytes of which no stretch comes twice within a frame.
private let pattern = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8 &* 13) }

/// A frame to `ownAddress` whose bytes tell its number.
func makeFrame(_ number: Int, count: Int = 100) -> [UInt8] {
  let header: [UInt8] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x01, 0x52, 0x54, 0, 0, 0, 9, 0x88, 0xB5]
  let start = number % 5000
  return Array((header + pattern[start..<start + max(0, count - header.count)]).prefix(count))
}

extension [UInt8] {
  /// With zeroes up to the length of the shortest frame.
  var padded: [UInt8] { self + Array(repeating: 0, count: Swift.max(0, 60 - count)) }
}
