import Memory
import Wire

/// What nodes say to each other about one page. Links deliver it once, and in order from each node to each other.
public struct CoherenceMessage: Hashable, Sendable {
  public enum Kind: UInt8, CaseIterable, Sendable {
    // From a cache to the page's home: requests. A node has at most one of them open for a page.

    /// The sender wants to read; `known` is the stale copy that it has.
    case getShared
    /// The sender wants to write and has no valid copy; `known` is the stale copy that it has.
    case getExclusive
    /// The sender wants to write and has a shared copy, of version `known`.
    case upgrade
    /// The sender wants to get rid of its copy.
    case put

    // From the home to a cache.

    /// Send `requester` a copy, and keep one at most to read.
    case forwardShared
    /// Give `requester` the page, and tell it to wait for `acknowledgements` from others.
    case forwardExclusive
    /// Drop the copy, and tell `requester`.
    case invalidate
    /// The upgrade holds as soon as `acknowledgements` have come.
    case grant
    /// Answer to `put`: there are other copies, drop this one.
    case drop
    /// Answer to `put`: send the page home, which has a stale copy of version `known`.
    case give
    /// Answer to `put`: there is no room for the page at its home, keep it.
    case keep
    /// Answer to `put`: the copy was lost on the way.
    case void

    // From whoever had the page, the home included, to the requester.

    /// The page, to write if `isExclusive` and as soon as `acknowledgements` have come, else to read.
    case data
    /// The sender has dropped its copy.
    case invalidated

    // From the requester to the home: the ends of transactions.

    /// The requester has what it asked for.
    case unblock
    /// The page that the home has asked for by `give`.
    case putData
  }

  /// What the message says of the page's contents. Its sender's driver may find that all bytes are zero, and say that.
  public enum Content: UInt8, Sendable {
    case none
    /// All bytes are zero.
    case zero
    /// The whole page.
    case page
    /// What differs from version `known`, which the receiver has.
    case changes
  }

  public var kind: Kind
  public var content = Content.none
  public var isExclusive = false
  /// For whom it is, where the receiver is not the one who asked.
  public var requester = NodeID.none
  /// How many `invalidated` the requester is going to get.
  public var acknowledgements: UInt16 = 0
  /// The version of the contents.
  public var version = PageVersion.none
  /// The version of the stale copy that the requester has, or `.none`.
  public var known = PageVersion.none
  public var page: PageNumber

  public init(_ kind: Kind, _ page: PageNumber) {
    self.kind = kind
    self.page = page
  }
}

extension CoherenceMessage.Kind {
  /// Whether it opens a transaction at the home.
  public var isRequest: Bool {
    switch self {
    case .getShared, .getExclusive, .upgrade, .put: true
    default: false
    }
  }

  /// Whether it is for the home's directory, and not for a cache.
  public var isForHome: Bool { isRequest || self == .unblock || self == .putData }

  /// Whether only the page's home may send it.
  public var isFromHome: Bool {
    switch self {
    case .forwardShared, .forwardExclusive, .invalidate, .grant, .drop, .give, .keep, .void: true
    default: false
    }
  }

  /// Whether it is sent on behalf of another node, its `requester`.
  public var namesRequester: Bool {
    self == .forwardShared || self == .forwardExclusive || self == .invalidate
  }
}
