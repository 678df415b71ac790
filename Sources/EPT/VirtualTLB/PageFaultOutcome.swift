import Memory

/// What is to be done about a page fault that the processor took while it walked a shadow table.
public enum PageFaultOutcome: Equatable, Sendable {
  /// Let the guest try again, whether or not anything was filled in.
  case filled

  /// Let the guest execute one instruction, then call `revalidate(memory:)` before it executes another one or takes
  /// an event: the page is mapped as SMAP would forbid if EFLAGS.AC changed. It takes a guest that has SMAP on,
  /// CR0.WP off and EFLAGS.AC set and writes to a read-only user page in supervisor mode.
  case filledForOneInstruction

  /// Raise #PF in the guest, with this error code and the address in CR2.
  case guestFault(GuestPageWalk.ErrorCode, GuestVirtualAddress)

  /// The guest did nothing wrong, but the second level lacks a permission: a device, a page that another node has,
  /// or a hole. `isGuestPageWalk` says that the address is that of an entry of the guest's page tables.
  case violation(SecondLevelViolation, GuestPhysicalAddress)
}
