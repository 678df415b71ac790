import Memory

// The controller owns the descriptors from its head up to, but not including, the tail that it was told; it fills them
// in order and marks each as done (SDM 3.2.6). All others are ours. One of them is never given away: were the tail to
// catch up with the head, a full ring would look like an empty one.
//
// `next` is where the search for the following frame goes on. The slots from `oldest` to there are ours: those of the
// frame that `frame` shows, or of one whose end has not arrived. They are made ready for the controller again when
// the user moves on, but the controller hears of it once for a batch: in `flush`, or when a quarter of the ring has
// gathered.

/// Frames that a controller has received, each seen in place.
///
///     while receiver.advance() { use(receiver.frame) }
///     receiver.flush()
public struct ReceiveRing<Bus: RegisterBus, Memory: DMAMemory & ~Copyable>: ~Copyable {
  public private(set) var counters = ReceiveCounters()

  private let bus: Bus
  private var memory: Memory
  private let layout: RingLayout
  private let longestFrame: Int

  private var next = 0
  private var oldest = 0
  /// Slots from `oldest` to `next`.
  private var heldCount = 0
  /// Bytes in them, while they are a frame whose end has not arrived.
  private var gatheredCount = 0
  /// Whether the frame that is arriving is dropped, whatever else comes.
  private var isOverlong = false
  /// Bytes of the frame that `frame` shows.
  private var frameRange = 0..<0
  /// Slots that are ready for the controller, which has not heard of it.
  private var unannouncedCount = 0

  init(bus: Bus, memory: consuming Memory, sizes: RingSizes) {
    self.bus = bus
    self.memory = memory
    layout = sizes.receiveLayout
    longestFrame = sizes.longestFrame
  }

  /// The frame that `advance` has found, from its destination on, without CRC; empty before the first one.
  public var frame: Span<UInt8> {
    @inline(__always) @_lifetime(borrow self) get { memory.bytes(frameRange) }
  }

  /// Goes on to the next frame; false where none is complete.
  ///
  /// Frames with errors are dropped and counted on the way.
  public mutating func advance() -> Bool {
    if !frameRange.isEmpty { recycle() }
    while true {
      let slot = next
      let descriptor = ReceiveDescriptor(word: memory.load(at: layout.state(slot)))
      guard descriptor.isDone else { return false }
      next = layout.slot(slot)
      heldCount &+= 1
      gatheredCount &+= descriptor.length
      if !descriptor.isEndOfFrame {
        isOverlong =
          isOverlong || descriptor.length != layout.bufferSize || gatheredCount >= longestFrame
        // A frame without end must not take the whole ring.
        if isOverlong { recycle(keepsFrame: true) }
      } else if accept(descriptor) {
        return true
      } else {
        recycle()
      }
    }
  }

  /// Tells the controller of the buffers that are free again, if there are any; `frame` is empty afterwards.
  public mutating func flush() {
    if !frameRange.isEmpty { recycle() }
    if unannouncedCount > 0 { announce() }
  }

  /// Counts the frame whose last descriptor this is, and shows it if it is good.
  @inline(__always)
  private mutating func accept(_ descriptor: ReceiveDescriptor) -> Bool {
    if isOverlong || gatheredCount > longestFrame || descriptor.length > layout.bufferSize {
      counters.tooLong += 1
    } else if descriptor.hasBadChecksum {
      counters.badChecksums += 1
    } else if descriptor.hasOtherError {
      counters.otherErrors += 1
    } else if gatheredCount < RingSizes.shortestFrame {
      counters.tooShort += 1
    } else {
      counters.frames &+= 1
      counters.bytes &+= UInt64(gatheredCount)
      if oldest &+ heldCount > layout.slotCount { joinAtEnd() }
      let start = layout.buffer(oldest)
      frameRange = start..<start &+ gatheredCount
      return true
    }
    return false
  }

  /// Copies the part of a frame that lies at the ring's start behind the part at its end.
  private mutating func joinAtEnd() {
    let count = gatheredCount - (layout.slotCount - oldest) * layout.bufferSize
    let from = layout.buffer(0)
    let to = layout.buffer(layout.slotCount)
    for offset in stride(from: 0, to: count, by: 8) {
      memory.store(memory.load(at: from + offset), at: to + offset)
    }
  }

  /// Makes the slots that are held ready for the controller.
  private mutating func recycle(keepsFrame: Bool = false) {
    // Locals, since after each store to the descriptors all else would have to be loaded again.
    let layout = layout
    var slot = oldest
    var rest = heldCount
    while rest > 0 {
      arm(slot)
      slot = layout.slot(slot)
      rest &-= 1
    }
    oldest = slot
    unannouncedCount &+= heldCount
    heldCount = 0
    frameRange = 0..<0
    if !keepsFrame {
      gatheredCount = 0
      isOverlong = false
    }
    if unannouncedCount >= layout.slotCount / 4 { announce() }
  }

  @inline(__always)
  private mutating func arm(_ slot: Int) {
    memory.store(memory.address.value + UInt64(layout.buffer(slot)), at: layout.descriptor(slot))
    memory.store(ReceiveDescriptor.empty.word, at: layout.state(slot))
  }

  /// The tail is the slot before `oldest`: the one that the controller never gets.
  private mutating func announce() {
    memory.publish()
    let tail = layout.slot(oldest, advancedBy: layout.slotCount - 1)
    bus.write(UInt32(tail), to: .receiveTail)
    unannouncedCount = 0
  }

  // MARK: - Start

  /// Readies all slots and tells the controller where they are, while its receiver is off (SDM 14.4).
  mutating func prepare() {
    next = 0
    oldest = 0
    heldCount = 0
    gatheredCount = 0
    isOverlong = false
    frameRange = 0..<0
    for slot in 0..<layout.slotCount { arm(slot) }
    memory.publish()
    bus.write(UInt32(truncatingIfNeeded: memory.address.value), to: .receiveBaseLow)
    bus.write(UInt32(truncatingIfNeeded: memory.address.value >> 32), to: .receiveBaseHigh)
    bus.write(UInt32(layout.slotCount * RingLayout.descriptorSize), to: .receiveLength)
    bus.write(0, to: .receiveHead)
    bus.write(0, to: .receiveTail)
  }

  /// Gives the controller its buffers, once its receiver is on.
  mutating func open() { announce() }
}
