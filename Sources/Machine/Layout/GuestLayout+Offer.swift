extension GuestLayout {
  /// What a node brings in, as it has announced it.
  public struct Offer: Sendable {
    /// Bytes that were free when it had booted, or will be when the guest has been loaded.
    public var memorySize: UInt64
    public var coreCount: Int
    /// Bytes that it keeps for each of its vCPUs; below 1 GiB.
    public var memoryPerVCPU: UInt64

    public init(memorySize: UInt64, coreCount: Int, memoryPerVCPU: UInt64) {
      self.memorySize = memorySize
      self.coreCount = coreCount
      self.memoryPerVCPU = memoryPerVCPU
    }
  }

  /// What a node keeps of its memory, besides the frames for pages, the twins and what its vCPUs take: in bytes, each below
  /// 1 GiB.
  public struct Costs: Sendable {
    /// Whatever the guest is like.
    public var fixed: UInt64
    /// For each page number of the whole guest, up to the end of its RAM: every node knows them all.
    public var perGuestPage: UInt64
    /// For each page number that the node is home to.
    public var perOwnPage: UInt64
    /// For each frame for pages, and for each twin.
    public var perFrame: UInt64
    public var perTwin: UInt64
    /// Frames for pages that each node has above the number that it is home to: more than the number below which its engine
    /// begins to evict.
    public var spareFrameCount = 33

    public init(
      fixed: UInt64, perGuestPage: UInt64, perOwnPage: UInt64, perFrame: UInt64, perTwin: UInt64
    ) {
      self.fixed = fixed
      self.perGuestPage = perGuestPage
      self.perOwnPage = perOwnPage
      self.perFrame = perFrame
      self.perTwin = perTwin
    }
  }
}
