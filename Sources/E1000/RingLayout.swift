// A ring and its buffers share one run of memory: first the descriptors, 16 bytes each, then a buffer for every one of
// them, in the same order and for good. So adjacent descriptors have adjacent buffers, and a frame that takes several
// of them lies in one piece. The buffers of one that goes round the ring's end do not; for those the receiver has spare
// buffers after the last one, to which it copies what lies at the ring's start.

/// Where the parts of a ring lie in its memory.
struct RingLayout: Equatable {
  static let descriptorSize = 16

  let slotCount: Int
  /// In bytes.
  let bufferSize: Int
  let spareBufferCount: Int

  init(slotCount: Int, bufferSize: Int, spareBufferCount: Int = 0) {
    self.slotCount = slotCount
    self.bufferSize = bufferSize
    self.spareBufferCount = spareBufferCount
  }

  var byteCount: Int { slotCount * Self.descriptorSize + (slotCount + spareBufferCount) * bufferSize }

  // Slots are below `slotCount`, and rings are small: nothing here overflows.

  /// Byte offset of the descriptor's first word.
  @inline(__always)
  func descriptor(_ slot: Int) -> Int { slot &* Self.descriptorSize }

  /// Byte offset of the descriptor's second word: all but the buffer's address.
  @inline(__always)
  func state(_ slot: Int) -> Int { slot &* Self.descriptorSize &+ 8 }

  /// Byte offset of a slot's buffer; the spare ones follow the last slot's.
  @inline(__always)
  func buffer(_ slot: Int) -> Int { slotCount &* Self.descriptorSize &+ slot &* bufferSize }

  /// The slot `distance` further round the ring.
  @inline(__always)
  func slot(_ slot: Int, advancedBy distance: Int = 1) -> Int {
    let sum = slot &+ distance
    return sum < slotCount ? sum : sum - slotCount
  }
}
