import CPU
import EPT
import Firmware
import Memory

/// There is no frame of the kind that was asked for.
struct OutOfFrames: Error {}

/// The node's frames, for all cores.
enum Frames {
  private nonisolated(unsafe) static var allocator: UnsafeMutablePointer<FrameAllocator<IdentityWords>>?
  private static let lock = SpinLock()

  /// Takes over all usable memory but for what is in `reserved`.
  static func start(_ map: MemoryMap, reserved: Span<Range<HostPhysicalAddress>>) throws(OutOfFrames) {
    let count = FrameAllocator<IdentityWords>.wordCount(for: map)
    let size = UInt64(count) * 8
    guard
      let place = map.placeForBytes(
        size, alignment: pageSize, below: HostPhysicalAddress(1 << 32), avoiding: reserved)
    else { throw OutOfFrames() }
    let storage = UnsafeMutablePointer<FrameAllocator<IdentityWords>>.allocate(capacity: 1)
    unsafe storage.initialize(to: FrameAllocator(map, words: IdentityWords(at: place, count: count)))
    unsafe storage.pointee.reserve(place..<place + size)
    for index in reserved.indices { unsafe storage.pointee.reserve(reserved[index]) }
    unsafe allocator = storage
  }

  private static var frames: UnsafeMutablePointer<FrameAllocator<IdentityWords>> {
    unsafe allocator.unsafelyUnwrapped
  }

  static var isStarted: Bool { unsafe allocator != nil }

  static var freeBytes: UInt64 { unsafe UInt64(frames.pointee.freeFrameCount) * pageSize }
  static var totalBytes: UInt64 { unsafe UInt64(frames.pointee.frameCount) * pageSize }
  /// What all frames are below.
  static var limit: HostPhysicalAddress { unsafe frames.pointee.limit }

  /// One frame of 4 KiB, zeroed.
  static func allocate4K() throws(OutOfFrames) -> HostPhysicalAddress {
    guard let frame = lock.withLock({ unsafe frames.pointee.allocate4K() }) else { throw OutOfFrames() }
    IdentityMemory.clear(frame, count: pageSize)
    return frame
  }

  /// An aligned block of 2 MiB, zeroed, or nil where memory is too fragmented for one.
  static func allocate2M() -> HostPhysicalAddress? {
    guard let block = lock.withLock({ unsafe frames.pointee.allocate2M() }) else { return nil }
    IdentityMemory.clear(block, count: 2 << 20)
    return block
  }

  /// Adjacent frames, not zeroed, below `limit`.
  static func allocateContiguous(pages: Int, below limit: UInt64 = 1 << 52) throws(OutOfFrames)
    -> HostPhysicalAddress
  {
    let found = lock.withLock {
      unsafe frames.pointee.allocateContiguous(
        count: pages, alignment: pageSize, below: HostPhysicalAddress(limit))
    }
    guard let found else { throw OutOfFrames() }
    return found
  }

  /// A frame of 4 KiB, not zeroed; nil where there is none.
  static func take() -> HostPhysicalAddress? { lock.withLock { unsafe frames.pointee.allocate4K() } }

  /// Gives a frame back, or several in a row.
  static func free(_ frame: HostPhysicalAddress, count: Int = 1) {
    do {
      try lock.withLock { () throws(FrameError) in try unsafe frames.pointee.free(frame, count: count) }
    } catch {
      panic("frame \(frame) was freed that nobody had")
    }
  }
}

/// Page tables of this node are made from its frames.
struct TableFrames: TableMemory {
  @inline(__always)
  func readEntry(at address: HostPhysicalAddress) -> UInt64 { readMMIO64(address.value) }

  @inline(__always)
  mutating func writeEntry(_ entry: UInt64, at address: HostPhysicalAddress) {
    writeMMIO64(address.value, entry)
  }

  mutating func allocateTable() -> HostPhysicalAddress? {
    if KernelPageTables.isInstalled { return try? Frames.allocate4K() }
    // The boot-time tables map the first 4 GiB alone.
    guard let frame = try? Frames.allocateContiguous(pages: 1, below: 1 << 32) else { return nil }
    IdentityMemory.clear(frame, count: pageSize)
    return frame
  }

  mutating func freeTable(_ table: HostPhysicalAddress) { Frames.free(table) }
}
