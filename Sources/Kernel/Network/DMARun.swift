import Ethernet
import CPU
import E1000
import Memory

// What keeps processor and controller in step. The run is ordinary write-back memory, and a PC's caches are coherent with
// what devices read and write. The processor makes its stores visible in their order, does not let a load pass an earlier
// one, and puts a store to uncached memory, as a controller's tail is, behind all earlier stores to write-back memory
// (SDM Vol. 3A, 8.2.2 and 11.3). So the compiler is all that could get out of step; descriptors are accessed by single
// volatile instructions with a compiler fence on the side where frames are read or written. Stores that bypass the
// caches are the exception, and a copy may use some: the fence before a tail is one for the processor too.

/// Adjacent frames of this node for an Ethernet controller.
@safe
struct DMARun: DMAMemory, ~Copyable {
  let address: HostPhysicalAddress
  let count: Int

  /// Takes frames from this node's own, below 4 GiB: old boards have bridges that reach no further.
  init(byteCount: Int) throws(OutOfFrames) {
    let pages = (byteCount + Int(pageSize) - 1) / Int(pageSize)
    address = try Frames.allocateContiguous(pages: pages, below: 1 << 32)
    count = pages * Int(pageSize)
  }

  @inline(__always)
  func load(at offset: Int) -> UInt64 {
    let word = readMMIO64(address.value + UInt64(offset))
    compilerFence()
    return word
  }

  @inline(__always)
  mutating func store(_ word: UInt64, at offset: Int) {
    compilerFence()
    writeMMIO64(address.value + UInt64(offset), word)
  }

  @inline(__always)
  func publish() { storeFence() }

  @inline(__always)
  @_lifetime(borrow self)
  func bytes(_ range: Range<Int>) -> Span<UInt8> {
    let start = unsafe UnsafePointer<UInt8>(bitPattern: UInt(address.value) + UInt(range.lowerBound))
    let span = unsafe Span(_unsafeStart: start.unsafelyUnwrapped, count: range.count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  @inline(__always)
  @_lifetime(&self)
  mutating func mutableBytes(_ range: Range<Int>) -> MutableSpan<UInt8> {
    let start = unsafe UnsafeMutablePointer<UInt8>(
      bitPattern: UInt(address.value) + UInt(range.lowerBound))
    let span = unsafe MutableSpan(_unsafeStart: start.unsafelyUnwrapped, count: range.count)
    return unsafe _overrideLifetime(span, mutating: &self)
  }
}
