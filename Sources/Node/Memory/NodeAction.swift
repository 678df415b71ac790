import Coherence
import Memory
import Wire

/// What the engine wants its driver to do about the guest's memory, in this order.
public enum NodeAction: Hashable, Sendable {
  /// Let vCPUs have such access to the page, which is in `frame`.
  case map(PageNumber, PageAccess, frame: HostPhysicalAddress)
  /// Let nobody on this node write to the page any more; `shotDown` when no core can.
  case protect(PageNumber)
  /// Let nobody on this node access the page any more; `shotDown` when no core can.
  case unmap(PageNumber)
  /// A fault on the page is settled. If pinned, `release` must follow once the access is done.
  case resume(PageNumber, isPinned: Bool)
  /// Faults on the page that had to wait may be reported again.
  case retry(PageNumber)
  /// Faults that were put off (`fault` returned false) may be reported again.
  case retryPutOff
  /// The virtual machine must stop.
  case stop(MemoryFault)
}

/// Why the memory of the cluster can't be kept coherent any more.
public enum MemoryFault: Hashable, Sendable {
  /// The engine, or its driver, has done what can't be.
  case coherence(CoherenceFault)
  /// More messages to other nodes are under way than there is room for.
  case tooManyMessages
  /// A page was to be sent, or received, that is in no frame.
  case noFrame(PageNumber)
}
