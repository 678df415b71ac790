import Memory

/// Guest memory as a virtual TLB needs it: readable, with its second-level translations, and with locked updates
/// of the guest's own page tables.
///
/// Reading throws `hole` for what cannot be read on this node at the moment, too: it becomes a violation, and the
/// kernel decides what that means.
public protocol SecondLevelMemory: GuestMemory, ~Copyable {
  /// Where a guest-physical address leads, or nil where nothing is mapped.
  func translate(_ address: GuestPhysicalAddress) -> Mapping?

  /// Sets bits of a guest paging-structure entry by one locked compare-and-exchange of its 4 or 8 bytes.
  mutating func exchange(_ update: GuestPageWalk.EntryUpdate) -> EntryExchange
}
