import Memory

/// The frames of a node's RAM: each belongs to one page, and to the links that have yet to send it.
struct NodeFrames {
  private struct Frame {
    var bytes = [UInt8](repeating: 0, count: 4096)
    /// Whether a page is in it, and how many messages refer to it.
    var isInUse = false
    var references = 0
  }

  private var frames: [Frame] = []
  private var free: [Int] = []

  /// A frame with something in it that is nobody's business.
  mutating func allocate() -> Int {
    let index = free.popLast() ?? frames.count
    if index == frames.count { frames.append(Frame()) }
    frames[index].isInUse = true
    frames[index].bytes = [UInt8](repeating: 0xEE, count: 4096)
    return index
  }

  mutating func release(_ index: Int) {
    frames[index].isInUse = false
    reclaim(index)
  }

  mutating func refer(to index: Int) -> HostPhysicalAddress {
    frames[index].references += 1
    return HostPhysicalAddress(UInt64(index) * pageSize)
  }

  /// A link has released what it referred to.
  mutating func unrefer(_ address: HostPhysicalAddress) {
    let index = Int(address.value / pageSize)
    frames[index].references -= 1
    reclaim(index)
  }

  private mutating func reclaim(_ index: Int) {
    if !frames[index].isInUse, frames[index].references == 0 { free.append(index) }
  }

  func bytes(_ address: HostPhysicalAddress) -> [UInt8] { frames[Int(address.value / pageSize)].bytes }

  subscript(index: Int) -> [UInt8] {
    get { frames[index].bytes }
    set { frames[index].bytes = newValue }
    _modify { yield &frames[index].bytes }
  }

  /// How many frames have a page in them, or are referred to.
  var usedCount: Int { frames.count - free.count }
}
