import Memory

/// Which frame each of the guest's pages is in on this node, and which frames are free.
///
/// A frame is free again when no page is in it and no link needs it any more. Frames may be added at any time, up to a number
/// that is known at first. Per page it takes 4 bytes, per frame 5, and 1 for each other frame below the limit.
struct PageFrames {
  /// The frame of each page, counted from 1; 0 where it has none.
  private var frameOfPage: [UInt32]
  /// Free frames; the first `freeCount` count.
  private var free: [UInt32]
  private(set) var freeCount = 0
  /// All there are.
  private(set) var totalCount = 0
  /// By frame number: messages under way that have contents in it, and `occupied` where a page is in it.
  private var uses: [UInt8]

  private static var occupied: UInt8 { 0x80 }

  /// Room for so many frames below `limit`, of which there are none yet.
  init(pageCount: Int, capacity: Int, limit: HostPhysicalAddress) {
    frameOfPage = [UInt32](repeating: 0, count: pageCount)
    free = [UInt32](repeating: 0, count: capacity)
    uses = [UInt8](repeating: 0, count: Int((limit.value + pageSize - 1) / pageSize))
  }

  /// Adds a frame that pages may be in from now on.
  mutating func add(_ frame: HostPhysicalAddress) {
    precondition(totalCount < free.count && Int(frame.value >> 12) < uses.count)
    totalCount += 1
    free[freeCount] = UInt32(frame.value >> 12)
    freeCount += 1
  }

  subscript(page: PageNumber) -> HostPhysicalAddress? {
    let frame = frameOfPage[Int(page.value)]
    return frame == 0 ? nil : HostPhysicalAddress(UInt64(frame - 1) << 12)
  }

  /// Sees to it that the page has a frame; false where none is free.
  mutating func provide(_ page: PageNumber) -> Bool {
    guard frameOfPage[Int(page.value)] == 0 else { return true }
    guard freeCount > 0 else { return false }
    freeCount -= 1
    let frame = free[freeCount]
    uses[Int(frame)] = Self.occupied
    frameOfPage[Int(page.value)] = frame + 1
    return true
  }

  /// The page leaves its frame.
  mutating func vacate(_ page: PageNumber) {
    let frame = frameOfPage[Int(page.value)]
    guard frame != 0 else { return }
    frameOfPage[Int(page.value)] = 0
    uses[Int(frame - 1)] &= ~Self.occupied
    freeIfUnused(frame - 1)
  }

  /// Whether a message with contents of the frame is under way.
  func isHeld(_ frame: HostPhysicalAddress) -> Bool {
    let index = Int(frame.value >> 12)
    return index < uses.count && uses[index] & ~Self.occupied != 0
  }

  /// A message with contents of the frame is under way; false where there are too many.
  mutating func hold(_ frame: HostPhysicalAddress) -> Bool {
    let index = Int(frame.value >> 12)
    guard uses[index] & ~Self.occupied < Self.occupied - 1 else { return false }
    uses[index] += 1
    return true
  }

  /// The message needs the frame no more.
  mutating func release(_ frame: HostPhysicalAddress) {
    uses[Int(frame.value >> 12)] -= 1
    freeIfUnused(UInt32(frame.value >> 12))
  }

  private mutating func freeIfUnused(_ frame: UInt32) {
    guard uses[Int(frame)] == 0 else { return }
    free[freeCount] = frame
    freeCount += 1
  }
}
