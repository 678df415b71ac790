import Assembly
import Memory

// The heap behind Swift's own allocations: tables and lists that are made at boot and when a guest starts.
// Nothing on a hot path allocates, so a first fit over a list of free blocks in rising order of addresses,
// merged when they touch, is enough. It begins with a little memory of the kernel's image and goes on with frames,
// as it needs them: what is set aside for it, no guest can have.

/// A free block's header, in its first 16 bytes; a used block has only its size there, which is a multiple of 16, or, of a
/// large block, the number of its frames and `largeFlag`.
@safe
private struct Block {
  var size: Int
  var next: UnsafeMutablePointer<Block>?
}

private let header = 16

/// Frames that are added at a time, at least.
private let extensionPages = 16

@safe
private struct Heap {
  var free: UnsafeMutablePointer<Block>?
  var isInitialised = false

  mutating func initialise() {
    isInitialised = true
    unsafe free = UnsafeMutablePointer(bitPattern: UInt(__heap_startAddress()))
    let size = Int(__heap_endAddress() - __heap_startAddress())
    unsafe free.unsafelyUnwrapped.initialize(to: Block(size: size, next: nil))
  }

  /// `alignment` beyond 16 is met by cutting the block's front off.
  mutating func allocate(_ size: Int, alignment: Int) -> UnsafeMutableRawPointer? {
    if !isInitialised { initialise() }
    let needed = (size + header + 15) & ~15
    var previous: UnsafeMutablePointer<Block>?
    var candidate = unsafe free
    while let block = unsafe candidate {
      let start = UInt(bitPattern: block)
      let aligned = (start + UInt(header + alignment - 1)) & ~UInt(alignment - 1)
      let front = Int(aligned) - header - Int(start)
      if unsafe block.pointee.size >= front + needed {
        unsafe take(block, after: previous, front: front, needed: needed)
        return unsafe UnsafeMutableRawPointer(bitPattern: aligned)
      }
      unsafe previous = block
      unsafe candidate = block.pointee.next
    }
    return nil
  }

  private mutating func take(
    _ block: UnsafeMutablePointer<Block>, after previous: UnsafeMutablePointer<Block>?, front: Int,
    needed: Int
  ) {
    let whole = unsafe block.pointee
    let used = unsafe at(block, front)
    var usedSize = needed
    var successor = unsafe whole.next
    let rest = whole.size - front - needed
    if rest >= 2 * header {
      let tail = unsafe at(block, front + needed)
      unsafe tail.initialize(to: Block(size: rest, next: whole.next))
      unsafe successor = tail
    } else {
      usedSize += rest
    }
    if front > 0 {
      unsafe block.pointee = Block(size: front, next: successor)
    } else if let previous = unsafe previous {
      unsafe previous.pointee.next = successor
    } else {
      unsafe free = successor
    }
    unsafe used.pointee.size = usedSize
  }

  /// Adds room for such a block; false where there are no adjacent frames.
  mutating func extend(_ size: Int, alignment: Int) -> Bool {
    let pages = max(extensionPages, (size + alignment + 2 * header + 4095) >> 12)
    guard Frames.isStarted, let frames = takeFrames(pages),
      let block = unsafe UnsafeMutablePointer<Block>(bitPattern: UInt(frames.value))
    else { return false }
    unsafe block.initialize(to: Block(size: pages << 12, next: nil))
    unsafe insert(block)
    return true
  }

  mutating func release(_ pointer: UnsafeMutableRawPointer) {
    unsafe insert((pointer - header).assumingMemoryBound(to: Block.self))
  }

  private mutating func insert(_ block: UnsafeMutablePointer<Block>) {
    var previous: UnsafeMutablePointer<Block>?
    var next = unsafe free
    while let candidate = unsafe next, unsafe candidate < block {
      unsafe previous = candidate
      unsafe next = candidate.pointee.next
    }
    unsafe block.pointee.next = next
    if let previous = unsafe previous {
      unsafe previous.pointee.next = block
      unsafe merge(block)
      unsafe merge(previous)
    } else {
      unsafe free = block
      unsafe merge(block)
    }
  }

  private func merge(_ block: UnsafeMutablePointer<Block>) {
    guard let next = unsafe block.pointee.next, unsafe at(block, block.pointee.size) == next else { return }
    unsafe block.pointee = unsafe Block(size: block.pointee.size + next.pointee.size, next: next.pointee.next)
  }

  private func at(_ block: UnsafeMutablePointer<Block>, _ offset: Int) -> UnsafeMutablePointer<Block> {
    unsafe (UnsafeMutableRawPointer(block) + offset).assumingMemoryBound(to: Block.self)
  }
}

private nonisolated(unsafe) var heap = Heap()
private let heapLock = SpinLock()

/// Blocks from this size on, which the tables of a cluster's memory have, are frames of their own.
private let largeSize = 128 << 10
private let largeFlag = 1

private func takeFrames(_ count: Int) -> HostPhysicalAddress? {
  // The boot-time page tables map the first 4 GiB alone.
  try? Frames.allocateContiguous(pages: count, below: KernelPageTables.isInstalled ? 1 << 52 : 1 << 32)
}

private func allocateLarge(_ size: Int) -> UnsafeMutableRawPointer? {
  let pages = (size + header + 4095) >> 12
  guard let frames = takeFrames(pages),
    let block = unsafe UnsafeMutablePointer<Block>(bitPattern: UInt(frames.value))
  else { return nil }
  unsafe block.pointee.size = pages << 1 | largeFlag
  return unsafe UnsafeMutableRawPointer(block) + header
}

private func releaseLarge(_ pointer: UnsafeMutableRawPointer) {
  let block = unsafe (pointer - header).assumingMemoryBound(to: Block.self)
  let pages = unsafe block.pointee.size >> 1
  Frames.free(HostPhysicalAddress(UInt64(UInt(bitPattern: block))), count: pages)
}

private func allocateSmall(_ size: Int, alignment: Int) -> UnsafeMutableRawPointer? {
  unsafe heapLock.withLock {
    if let pointer = unsafe heap.allocate(size, alignment: alignment) { return unsafe pointer }
    return unsafe heap.extend(size, alignment: alignment) ? heap.allocate(size, alignment: alignment) : nil
  }
}

/// What Swift's runtime allocates with (`posix_memalign`, Boot/heap.asm).
@c(heapAllocate)
public func heapAllocate(
  _ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ size: Int
) -> Int32 {
  let pointer =
    if size >= largeSize, alignment <= header, Frames.isStarted {
      unsafe allocateLarge(size) ?? allocateSmall(size, alignment: header)
    } else {
      unsafe allocateSmall(size, alignment: max(alignment, header))
    }
  guard let pointer = unsafe pointer else { panic("the kernel's heap is full (\(size) bytes asked for)") }
  unsafe result.pointee = pointer
  return 0
}

/// What Swift's runtime frees with (`free`).
@c(heapRelease)
public func heapRelease(_ pointer: UnsafeMutableRawPointer?) {
  guard let pointer = unsafe pointer else { return }
  let block = unsafe (pointer - header).assumingMemoryBound(to: Block.self)
  guard unsafe block.pointee.size & largeFlag == 0 else { return unsafe releaseLarge(pointer) }
  heapLock.withLock { unsafe heap.release(pointer) }
}
