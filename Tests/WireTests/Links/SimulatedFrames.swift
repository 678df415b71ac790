import Ethernet
import Memory

/// The frames of 4 KiB that a simulated node sends pages from. Each is overwritten as soon as it is released.
struct SimulatedFrames {
  private var frames: [[UInt8]] = []
  private var free: [Int] = []

  var usedCount: Int { frames.count - free.count }

  mutating func allocate(_ page: [UInt8]) -> HostPhysicalAddress {
    if let index = free.popLast() {
      frames[index] = page
      return HostPhysicalAddress(UInt64(index) << 12)
    }
    frames.append(page)
    return HostPhysicalAddress(UInt64(frames.count - 1) << 12)
  }

  mutating func free(_ frame: HostPhysicalAddress) {
    let index = Int(frame.value >> 12)
    precondition(!free.contains(index))
    frames[index] = SimulatedFrames.scribble
    free.append(index)
  }

  private static let scribble = [UInt8](repeating: 0xBD, count: 4096)

  func bytes(_ frame: HostPhysicalAddress?) -> [UInt8] { frame.map { frames[Int($0.value >> 12)] } ?? [] }
}
