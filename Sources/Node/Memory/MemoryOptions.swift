import Coherence

/// The sizes of a node's part of the guest's memory.
public struct MemoryOptions: Sendable {
  public var coherence = CoherenceOptions()

  /// Pages are evicted while fewer frames are free than this. For each node the guest must have this number of pages, and
  /// one more, less than there are frames in all: so there is always a node with room for a page.
  public var lowFrameCount = 32

  /// Evictions that may be under way at a time; below the limit of requests.
  public var evictionLimit = 16

  /// Messages to one node, on average over all, that may wait for room on their link.
  public var pendingPerNode = 512

  public init() {}
}
