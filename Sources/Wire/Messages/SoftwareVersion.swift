/// Which Big Iron a node runs.
public struct SoftwareVersion: Hashable, Sendable {
  public var major: UInt16 = 0
  public var minor: UInt16 = 0
  public var patch: UInt16 = 0
  /// Tells builds of one version apart: the same for the same image.
  public var build: UInt64 = 0

  public init(major: UInt16 = 0, minor: UInt16 = 0, patch: UInt16 = 0, build: UInt64 = 0) {
    self.major = major
    self.minor = minor
    self.patch = patch
    self.build = build
  }
}
