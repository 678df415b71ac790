import Coherence
import Memory
import Wire

/// What a node knows of one page.
struct IvyPage {
  enum Access: UInt8, Comparable {
    case none, read, write

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  /// What waits for the page's lock: faults of this node, and requests of others.
  enum Work {
    case fault(Access)
    case request(BaselineMessage, from: NodeID)
  }

  /// Who has the lock.
  enum Holder {
    case nobody
    /// A fault, which has asked the probable owner.
    case asking
    /// A fault that owns the page, while it makes others drop their copies.
    case invalidating
    /// A request that this node, the owner, is about to fulfil.
    case giving
    /// A request that was passed on, and whose answer goes back to the node it is from.
    case relaying(from: NodeID)
  }

  /// What is to be done when no core uses the old translation any more.
  enum AfterShootdown {
    /// Say so.
    case acknowledge(BaselineMessage, NodeID)
    /// Send the page in the frame, and with it the lock's holder is done.
    case answer(BaselineMessage, NodeID, HostPhysicalAddress)
  }

  var access = Access.none
  var isOwner = false
  var probableOwner = NodeID.none
  /// Of an owner: who else has copies.
  var copySet = NodeSet()
  /// Accesses that the page has to stay for.
  var pins = 0
  var holder = Holder.nobody
  var work = FIFO<Work>()
  var afterShootdown: AfterShootdown?
  /// An invalidation that waits for pins.
  var invalidation: (message: BaselineMessage, sender: NodeID)?

  var isLocked: Bool { if case .nobody = holder { false } else { true } }
}
