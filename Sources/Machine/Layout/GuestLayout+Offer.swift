extension GuestLayout {
  /// What a node brings in, as it has announced it.
  public struct Offer: Sendable {
    /// Bytes that were free when it had booted.
    public var memorySize: UInt64
    public var coreCount: Int

    public init(memorySize: UInt64, coreCount: Int) {
      self.memorySize = memorySize
      self.coreCount = coreCount
    }
  }

  /// What a node keeps of its memory, the frames for pages and twins apart: in bytes, each below 1 GiB.
  public struct Costs: Sendable {
    /// Whatever the guest is like.
    public var fixed: UInt64
    public var perVCPU: UInt64
    /// For each page number of the whole guest, up to the end of its RAM: every node knows them all. No node has more
    /// frames than the guest has pages, spare ones apart, so what a frame costs can be counted here.
    public var perGuestPage: UInt64
    /// For each page number that the node is home to.
    public var perOwnPage: UInt64
    /// Frames for pages that each node has above the number that it is home to: more than the number below which its engine
    /// begins to evict.
    public var spareFrameCount = 33

    public init(fixed: UInt64, perVCPU: UInt64, perGuestPage: UInt64, perOwnPage: UInt64) {
      self.fixed = fixed
      self.perVCPU = perVCPU
      self.perGuestPage = perGuestPage
      self.perOwnPage = perOwnPage
    }
  }
}
