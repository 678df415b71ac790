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
}
