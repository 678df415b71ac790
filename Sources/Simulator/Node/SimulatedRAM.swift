import Glibc
import Memory
import Node

/// The frames of one node, from address 0 on. The host gives them memory when they are touched.
@safe final class SimulatedRAM {
  fileprivate let start: UnsafeMutablePointer<UInt8>

  init(frameCount: Int) {
    guard let bytes = unsafe calloc(frameCount, 4096) else {
      fatalError("no memory for \(frameCount) frames")
    }
    unsafe start = bytes.assumingMemoryBound(to: UInt8.self)
  }

  deinit { unsafe free(start) }

  /// The word at `offset` of the frame, which is a multiple of 8.
  subscript(frame: HostPhysicalAddress, offset: Int) -> UInt64 {
    get {
      unsafe UnsafeRawPointer(start).load(fromByteOffset: Int(frame.value) + offset, as: UInt64.self)
    }
    set {
      unsafe UnsafeMutableRawPointer(start).storeBytes(
        of: newValue, toByteOffset: Int(frame.value) + offset, as: UInt64.self)
    }
  }
}

/// The same as the engine uses it.
struct SimulatedPages: PageMemory, ~Copyable {
  let ram: SimulatedRAM
  /// Whether a cleared frame's last word, which no access looks at, is not zero.
  var marksClearedFrames = false

  @_lifetime(borrow self)
  func bytes(of frame: HostPhysicalAddress) -> Span<UInt8> {
    let span = unsafe Span(_unsafeStart: ram.start + Int(frame.value), count: 4096)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  @_lifetime(&self)
  mutating func mutableBytes(of frame: HostPhysicalAddress) -> MutableSpan<UInt8> {
    let span = unsafe MutableSpan(_unsafeStart: ram.start + Int(frame.value), count: 4096)
    return unsafe _overrideLifetime(span, mutating: &self)
  }

  mutating func clear(_ frame: HostPhysicalAddress) {
    unsafe (ram.start + Int(frame.value)).update(repeating: 0, count: 4096)
    if marksClearedFrames { ram[frame, 4088] = 1 }
  }

  mutating func copy(_ frame: HostPhysicalAddress, to other: HostPhysicalAddress) {
    unsafe (ram.start + Int(other.value)).update(from: ram.start + Int(frame.value), count: 4096)
  }
}
