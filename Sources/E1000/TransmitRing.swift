import Memory

// The controller owns the descriptors from its head up to, but not including, the tail that it was told; it sends them
// in order and marks each as done (SDM 3.4). A frame is written into its buffer in place, its descriptor follows, and
// the controller hears of the tail once for a batch. One slot stays unused: were the tail to catch up with the head, a
// full ring would look like an empty one.

/// Frames to send, each written in place.
///
///     if var frame = transmitter.nextFrame() {
///       let count = compose(&frame)
///       transmitter.send(count)
///     }
///     transmitter.flush()
public struct TransmitRing<Bus: RegisterBus, Memory: DMAMemory & ~Copyable>: ~Copyable {
  public private(set) var counters = TransmitCounters()

  /// Whether there is a link to send on; without one no frame is taken.
  public internal(set) var isOpen = false

  private let bus: Bus
  private var memory: Memory
  private let layout: RingLayout
  private let longestFrame: Int

  /// The slot of the next frame.
  private var next = 0
  /// The slot of the oldest frame that the controller has not been seen to be done with.
  private var oldest = 0
  /// Slots from `oldest` to `next`.
  public private(set) var pendingCount = 0
  /// The last of those, of which the controller has not heard.
  private var unannouncedCount = 0
  /// Frames that the controller was seen to be done with, ever.
  private(set) var doneCount: UInt64 = 0

  init(bus: Bus, memory: consuming Memory, sizes: RingSizes) {
    self.bus = bus
    self.memory = memory
    layout = sizes.transmitLayout
    longestFrame = sizes.longestFrame
  }

  /// The buffer for the next frame, from its destination on, with room for the longest one; nil, and counted, where the
  /// ring is full or there is no link.
  @inline(__always)
  @_lifetime(&self)
  public mutating func nextFrame() -> MutableSpan<UInt8>? {
    guard isOpen else {
      counters.refusedNoLink += 1
      return nil
    }
    if isFull { reclaim() }
    guard !isFull else {
      counters.refusedFull += 1
      return nil
    }
    let start = layout.buffer(next)
    return memory.mutableBytes(start..<start + longestFrame)
  }

  /// Puts the frame that was written into `nextFrame()` in line: its first `count` bytes, and zeroes up to the length of
  /// the shortest frame.
  @inline(__always)
  public mutating func send(_ count: Int) {
    precondition(!isFull && count > 0 && count <= longestFrame)
    let slot = next
    let start = layout.buffer(slot)
    let length = max(count, RingSizes.shortestFrame)
    if count < length {
      var padding = memory.mutableBytes(start + count..<start + length)
      for index in padding.indices { padding[index] = 0 }
    }
    next = layout.slot(slot)
    pendingCount &+= 1
    unannouncedCount &+= 1
    counters.frames &+= 1
    counters.bytes &+= UInt64(length)
    memory.store(memory.address.value + UInt64(start), at: layout.descriptor(slot))
    memory.store(TransmitDescriptor(frameLength: length).word, at: layout.state(slot))
  }

  /// Tells the controller of the frames in line, if there are any.
  public mutating func flush() {
    guard unannouncedCount > 0 else { return }
    memory.publish()
    bus.write(UInt32(next), to: .transmitTail)
    unannouncedCount = 0
  }

  private var isFull: Bool { pendingCount == layout.slotCount - 1 }

  /// Takes back the slots that the controller is done with.
  mutating func reclaim() {
    while pendingCount > unannouncedCount,
      TransmitDescriptor(word: memory.load(at: layout.state(oldest))).isDone
    {
      oldest = layout.slot(oldest)
      pendingCount -= 1
      doneCount += 1
    }
  }

  // MARK: - Start

  /// Empties the ring and tells the controller where it is, while its transmitter is off (SDM 14.5).
  mutating func prepare() {
    counters.lost += UInt64(pendingCount)
    next = 0
    oldest = 0
    pendingCount = 0
    unannouncedCount = 0
    for slot in 0..<layout.slotCount {
      memory.store(0, at: layout.descriptor(slot))
      memory.store(0, at: layout.state(slot))
    }
    memory.publish()
    bus.write(UInt32(truncatingIfNeeded: memory.address.value), to: .transmitBaseLow)
    bus.write(UInt32(truncatingIfNeeded: memory.address.value >> 32), to: .transmitBaseHigh)
    bus.write(UInt32(layout.slotCount * RingLayout.descriptorSize), to: .transmitLength)
    bus.write(0, to: .transmitHead)
    bus.write(0, to: .transmitTail)
  }
}
