import Memory
import Node

/// Frames in an array: frame n is at 4096 · n.
struct ArrayPages: PageMemory, ~Copyable {
  private var bytes: [UInt8]

  init(count: Int) { bytes = [UInt8](repeating: 0, count: count * 4096) }

  @_lifetime(borrow self)
  func bytes(of frame: HostPhysicalAddress) -> Span<UInt8> {
    let start = Int(frame.value)
    return bytes.span.extracting(start..<start + 4096)
  }

  @_lifetime(&self)
  mutating func mutableBytes(of frame: HostPhysicalAddress) -> MutableSpan<UInt8> {
    let start = Int(frame.value)
    return bytes.mutableSpan._consumingExtracting(start..<start + 4096)
  }

  mutating func clear(_ frame: HostPhysicalAddress) {
    for offset in 0..<4096 { bytes[Int(frame.value) + offset] = 0 }
  }

  mutating func copy(_ frame: HostPhysicalAddress, to other: HostPhysicalAddress) {
    for offset in 0..<4096 { bytes[Int(other.value) + offset] = bytes[Int(frame.value) + offset] }
  }

  func word(at offset: Int, of frame: HostPhysicalAddress) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[Int(frame.value) + offset + $1]) << UInt64(8 * $1) }
  }

  mutating func setWord(_ word: UInt64, at offset: Int, of frame: HostPhysicalAddress) {
    for index in 0..<8 {
      bytes[Int(frame.value) + offset + index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * index))
    }
  }
}
