import Memory
import Wire

/// What the engine wants its driver to do, in this order.
public enum CoherenceAction: Hashable, Sendable {
  /// Send the message, with the page's contents as they are now in the node's frame where it has any.
  case send(CoherenceMessage, to: NodeID)
  /// The node's frame holds the page: let vCPUs have such access.
  case map(PageNumber, PageAccess)
  /// The node is going to write to the page, which makes this version of it. The driver may keep a copy of what the frame
  /// holds now, from which it can tell later what has changed since that version's predecessor.
  case beginVersion(PageNumber, PageVersion)
  /// Let nobody on this node write any more; `shotDown` when no core can.
  case protect(PageNumber)
  /// Let nobody on this node access the page any more; `shotDown` when no core can.
  case unmap(PageNumber)
  /// The fault that opened the request, or was just reported, is settled. If pinned, `release` must follow.
  case resume(PageNumber, isPinned: Bool)
  /// Faults on the page that had to wait may be reported again.
  case retry(PageNumber)
  /// The page needs a frame on this node, unless it has one.
  case needFrame(PageNumber)
  /// The node's frame is not needed any more, as soon as links have released it.
  case freeFrame(PageNumber)
  /// The contents are all zero and have not travelled.
  case fillWithZeros(PageNumber)
  /// The eviction did not take place, since there was no room elsewhere.
  case kept(PageNumber)
  /// The node has sent what no correct peer sends; it has changed nothing.
  case breakLink(NodeID, CoherenceFault)
  /// The driver, or the engine itself, is in error: the virtual machine must stop.
  case stop(CoherenceFault)
}

/// An event that cannot occur in the state that the page is in.
public struct CoherenceFault: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    case cache(CacheState)
    case home(HomeState)
    /// The page does not exist, is not for this node to keep the directory of, or another node is named that can't be.
    case nowhere
  }

  public enum Event: Hashable, Sendable {
    case local(LocalEvent)
    case message(CoherenceMessage.Kind)
  }

  public var page: PageNumber
  public var place: Place
  public var event: Event

  public init(_ page: PageNumber, _ place: Place, _ event: Event) {
    self.page = page
    self.place = place
    self.event = event
  }
}

/// What a node's own driver reports of a page.
public enum LocalEvent: UInt8, CaseIterable, Sendable {
  case readFault
  case writeFault
  /// The frame is wanted for something else.
  case evict
  /// The frame of the stale copy is wanted for something else.
  case forget
  /// The last `protect` or `unmap` has reached every core.
  case shotDown
  /// Who had the page pinned needs it no more.
  case release
  /// The page has been pinned for as long as may be: all of its pins are gone, and must not be released any more.
  case expire
}
