import Memory
import Wire

// The directory's entry of one page.
//
// One transaction at a time: what comes while the entry is busy waits in a list, first in, first out, whose links are in
// the engine's pool. The entry says already what will be true when the open transaction has ended.

/// What the home knows of a page: 16 bytes, without the sharers from node 64 on.
public struct HomePage: Hashable, Sendable {
  /// Sharers below node 64; the owner's bit alone where the page is exclusive.
  var firstSharers: UInt64 = 0
  /// Of the contents that the home holds, or of the zeros that it need not hold.
  public package(set) var version = PageVersion.first
  /// The first waiting request in the pool; 0 stands for none, n + 1 for place n.
  var firstWaiting: UInt16 = 0
  public package(set) var state = HomeState.untouched
  var requesterNumber: UInt8 = 0

  public init() {}

  package var sharersBelow64: UInt64 { firstSharers }
  package var hasWaitingRequests: Bool { firstWaiting != 0 }

  /// Whose transaction is open, if the entry is busy.
  public package(set) var requester: NodeID {
    get { NodeID(UInt16(requesterNumber)) }
    set { requesterNumber = UInt8(truncatingIfNeeded: newValue.value) }
  }
}

/// A request that the home has got.
package struct HomeRequest: Hashable, Sendable {
  var kind: CoherenceMessage.Kind
  var node: NodeID
  var known: PageVersion

  package init(kind: CoherenceMessage.Kind, node: NodeID, known: PageVersion) {
    self.kind = kind
    self.node = node
    self.known = known
  }
}

/// What a home's decision depends on besides the entry.
package struct HomeContext: Sendable {
  var page: PageNumber
  /// The home itself.
  var local: NodeID
  /// The version of the home's own stale copy.
  var known: PageVersion
  /// Whether it has a frame for another page.
  var hasRoom: Bool
  /// Which of several sharers has to send its copy: how many to pass over.
  var supplierOffset: Int

  package init(page: PageNumber, local: NodeID, known: PageVersion, hasRoom: Bool, supplierOffset: Int) {
    self.page = page
    self.local = local
    self.known = known
    self.hasRoom = hasRoom
    self.supplierOffset = supplierOffset
  }
}
