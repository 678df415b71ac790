import Ethernet
import Memory
import Node

/// Frames of this node that its engine owns.
struct NodePages: PageMemory, ~Copyable {
  @inline(__always)
  @_lifetime(borrow self)
  func bytes(of frame: HostPhysicalAddress) -> Span<UInt8> {
    let span = IdentityMemory.bytes(frame..<frame + pageSize)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  @inline(__always)
  @_lifetime(&self)
  mutating func mutableBytes(of frame: HostPhysicalAddress) -> MutableSpan<UInt8> {
    let start = unsafe UnsafeMutablePointer<UInt8>(bitPattern: UInt(frame.value)).unsafelyUnwrapped
    let span = unsafe MutableSpan(_unsafeStart: start, count: Int(pageSize))
    return unsafe _overrideLifetime(span, mutating: &self)
  }

  mutating func clear(_ frame: HostPhysicalAddress) { IdentityMemory.clear(frame, count: pageSize) }

  mutating func copy(_ frame: HostPhysicalAddress, to other: HostPhysicalAddress) {
    IdentityMemory.copy(from: frame, to: other, count: pageSize)
  }
}
