import Coherence

/// How a fault on a page of the guest's was settled.
public enum FaultKind: UInt8, Sendable {
  /// At once, without a message: the node had the page, or was the first to touch one of its own.
  case local
  /// Not at once, but without a request of its own: by one that was under way, or when a shootdown had ended.
  case joined
  /// The page came from another node, to be read.
  case read
  /// The page came from another node, to be written.
  case write
  /// The node had a copy to read and was allowed to write to it: no contents came.
  case upgrade

  /// Whether the node has asked others because of the fault.
  public var isRemote: Bool { self == .read || self == .write || self == .upgrade }
}

/// A fault from its first report on.
public struct FaultProgress: Sendable {
  private let access: PageAccess
  /// In whatever unit its user counts.
  public let start: UInt64
  private var reportCount = 0
  /// Of the copy that the node had when the fault was last reported.
  private var version = PageVersion.none

  public init(_ access: PageAccess, start: UInt64) {
    self.access = access
    self.start = start
  }

  /// The fault is reported to the engine, for the first time or once more.
  ///
  /// - Parameter version: of the node's valid copy; `.none` where it has none.
  public mutating func report(_ version: PageVersion) {
    reportCount += 1
    self.version = version
  }

  /// How the fault has been settled.
  ///
  /// - Parameters:
  ///   - isAtOnce: whether the last report had not ended yet.
  ///   - version: of the copy that the node has now. A copy that has been upgraded is one version further; where it was
  ///     lost meanwhile, another node has written, so that it is more.
  public func kind(isAtOnce: Bool, _ version: PageVersion) -> FaultKind {
    if isAtOnce { return reportCount == 1 ? .local : .joined }
    guard access == .write else { return .read }
    return self.version != .none && version == self.version.next ? .upgrade : .write
  }
}

/// How many faults were settled in which way, and how long those took that were not settled at once, in microseconds.
public struct FaultCounters: Sendable {
  public private(set) var local: UInt64 = 0
  public private(set) var joined = Histogram()
  public private(set) var reads = Histogram()
  public private(set) var writes = Histogram()
  public private(set) var upgrades = Histogram()

  public init() {}

  public mutating func add(_ kind: FaultKind, microseconds: UInt64) {
    switch kind {
    case .local: local &+= 1
    case .joined: joined.add(microseconds)
    case .read: reads.add(microseconds)
    case .write: writes.add(microseconds)
    case .upgrade: upgrades.add(microseconds)
    }
  }
}
