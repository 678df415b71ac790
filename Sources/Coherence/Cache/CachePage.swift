import Memory
import Wire

// The cache side of one page on one node.
//
// Every event goes through `handle` (the node's own) or `receive` (messages), and in every state each of them either has
// a meaning or is impossible; then the function returns false and has changed nothing.
//
// A node that must give up a copy, or the right to write to it, does so in two steps: it changes the tables and starts a
// shootdown, and only when `shotDown` says that no core can use the old translation does it answer. What is to be
// answered waits in `deferred`. So does a request that meets a pinned page. There is never a second one: the home lets
// one transaction at a time touch a page, and this one can't end before the answer.

/// What a node knows of a page that it may have a copy of: 16 bytes.
public struct CachePage: Hashable, Sendable {
  /// What has come from the home and can't be answered yet.
  public enum Deferred: UInt8, Sendable {
    case nothing
    /// Share the page with the node.
    case share
    /// Give the page to the node.
    case give
    /// Tell the node that the copy is gone.
    case acknowledge
  }

  /// Of the frame's contents, be they valid or stale.
  public package(set) var version = PageVersion.none
  /// The stale copy that the node has for whom something is deferred.
  public package(set) var deferredKnown = PageVersion.none
  /// Acknowledgements that are to come, less those that have; negative while only the latter are known.
  public package(set) var acknowledgements: Int16 = 0
  public package(set) var state = CacheState.invalid
  public package(set) var deferred = Deferred.nothing
  package var deferredNode: UInt8 = 0
  package var deferredAcknowledgements: UInt8 = 0
  /// How many accesses must be done before the page may be taken away.
  public package(set) var pins: UInt8 = 0
  package var flags: UInt8 = 0

  public init() {}

  /// Whether the frame has a copy that is not valid any more.
  public package(set) var hasStaleCopy: Bool {
    get { flags & 1 != 0 }
    set { flags = newValue ? flags | 1 : flags & ~1 }
  }

  /// Whether a fault waits that has not opened the request itself.
  public package(set) var isAwaited: Bool {
    get { flags & 2 != 0 }
    set { flags = newValue ? flags | 2 : flags & ~2 }
  }

  /// For whom something is deferred.
  public package(set) var deferredRequester: NodeID {
    get { NodeID(UInt16(deferredNode)) }
    set { deferredNode = UInt8(truncatingIfNeeded: newValue.value) }
  }

  /// How many others will tell the one for whom the page is to be given away.
  public var deferredAcknowledgementCount: Int { Int(deferredAcknowledgements) }

  /// The version of the stale copy, which a request names.
  public var known: PageVersion { hasStaleCopy ? version : .none }

  /// Whether such an access needs no help.
  public func permits(_ access: PageAccess) -> Bool {
    switch state {
    case .modified: true
    case .shared, .exclusive, .upgrading: access == .read
    default: false
    }
  }
}

/// What does not change of a page's surroundings.
package struct PageContext: Sendable {
  var page: PageNumber
  var home: NodeID
  /// Whether a copy that has become stale is kept, so that changes suffice to renew it.
  var keepsStaleCopies: Bool

  package init(page: PageNumber, home: NodeID, keepsStaleCopies: Bool) {
    self.page = page
    self.home = home
    self.keepsStaleCopies = keepsStaleCopies
  }
}
