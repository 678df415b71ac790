/// What a node has of a page, and what it is waiting for.
public enum CacheState: UInt8, CaseIterable, Sendable {
  /// I: no copy that is valid.
  case invalid
  /// S: a copy to read; others may have one.
  case shared
  /// E: the only copy, not written to so far. It is mapped to be read only, so that the first write is noticed.
  case exclusive
  /// M: the only copy, mapped to be written.
  case modified
  /// IS: asked for a copy to read.
  case reading
  /// IM: asked for the page to write, without a copy.
  case writing
  /// SM: asked to write; the copy can still be read.
  case upgrading
  /// MA: has the page to write, but others have not dropped theirs yet.
  case collecting
  /// XI: asked to give the page away, or to drop it; the shootdown is under way.
  case losing
  /// MS: asked to share the page; the shootdown is under way.
  case downgrading
  /// SMI: asked to write, then told to drop the copy; the shootdown is under way.
  case upgradeLosing
  /// SL: chosen for eviction, the shootdown is under way; the copy is shared.
  case leavingShared
  /// EL: chosen for eviction, the shootdown is under way; the copy is exclusive.
  case leavingExclusive
  /// ML: chosen for eviction, the shootdown is under way; the copy is modified.
  case leavingModified
  /// SP: asked the home to take the copy, which is shared.
  case puttingShared
  /// EP: asked the home to take the page, which is exclusive.
  case puttingExclusive
  /// MP: asked the home to take the page, which is modified.
  case puttingModified
  /// IP: asked the home to take the copy, then lost it.
  case puttingNothing

  /// Whether the node has a transaction of its own under way, or is about to.
  public var isOpen: Bool {
    switch self {
    case .invalid, .shared, .exclusive, .modified, .losing, .downgrading: false
    default: true
    }
  }

  /// Whether the node's frame has the page's latest contents.
  public var isValid: Bool {
    switch self {
    case .invalid, .reading, .writing, .puttingNothing: false
    default: true
    }
  }

  /// Whether the page's contents are on their way, or will be.
  public var needsFrame: Bool { self == .reading || self == .writing || self == .upgradeLosing }

  /// Whether `shotDown` is to come.
  public var isShootingDown: Bool {
    switch self {
    case .losing, .downgrading, .upgradeLosing, .leavingShared, .leavingExclusive, .leavingModified: true
    default: false
    }
  }

  public var symbol: StaticString {
    switch self {
    case .invalid: "I"
    case .shared: "S"
    case .exclusive: "E"
    case .modified: "M"
    case .reading: "IS"
    case .writing: "IM"
    case .upgrading: "SM"
    case .collecting: "MA"
    case .losing: "XI"
    case .downgrading: "MS"
    case .upgradeLosing: "SMI"
    case .leavingShared: "SL"
    case .leavingExclusive: "EL"
    case .leavingModified: "ML"
    case .puttingShared: "SP"
    case .puttingExclusive: "EP"
    case .puttingModified: "MP"
    case .puttingNothing: "IP"
    }
  }
}
