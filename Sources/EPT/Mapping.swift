import Memory

/// Where a guest-physical address leads, and on which terms.
public struct Mapping: Equatable, Sendable {
  /// The byte that the address translates to; of a leaf as a whole, its first byte.
  public var host: HostPhysicalAddress
  /// Size of the leaf that maps it.
  public var size: PageSize
  public var permissions: PagePermissions
  public var memoryType: MemoryType

  @inline(__always)
  public init(
    host: HostPhysicalAddress, size: PageSize, permissions: PagePermissions, memoryType: MemoryType
  ) {
    self.host = host
    self.size = size
    self.permissions = permissions
    self.memoryType = memoryType
  }
}
