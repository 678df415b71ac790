/// An access by the guest that its second-level page table did not allow, on either make of processor.
public struct SecondLevelViolation: Equatable, Sendable {
  /// What the access needed. A read-modify-write may show as `write` alone.
  public var access: PagePermissions

  /// What the entries are known to have granted: exactly that on Intel. AMD says only whether a page was present
  /// (`read`) or not (empty); the rest is for the table to tell.
  public var permissions: PagePermissions

  /// Whether the guest's own page tables were accessed on the way to the final address.
  public var isGuestPageWalk: Bool

  /// Whether the processor reports the linear address that the access began with.
  public var hasLinearAddress: Bool

  /// Whether an entry had a reserved bit set: a broken table, which no change of permissions repairs. Intel
  /// reports that by an exit of its own, so here it is AMD's alone.
  public var isMisconfiguration: Bool

  /// A violation that a walk in software has come upon; the linear address is the walk's.
  public init(access: PagePermissions, permissions: PagePermissions, isGuestPageWalk: Bool) {
    self.access = access
    self.permissions = permissions
    self.isGuestPageWalk = isGuestPageWalk
    hasLinearAddress = true
    isMisconfiguration = false
  }

  /// Decodes the exit qualification of an EPT violation (SDM Vol. 3C, 28.2.1, table "Exit Qualification for EPT
  /// Violations").
  public init(eptExitQualification qualification: UInt64) {
    access = PagePermissions(rawValue: UInt8(qualification & 0b111))
    permissions = PagePermissions(rawValue: UInt8(qualification >> 3 & 0b111))
    hasLinearAddress = qualification & 1 << 7 != 0
    isGuestPageWalk = hasLinearAddress && qualification & 1 << 8 == 0
    isMisconfiguration = false
  }

  /// Decodes EXITINFO1 of a nested page fault (APM Vol. 2, 15.25.6).
  public init(npfExitInfo1 info: UInt64) {
    let isWrite = info & 1 << 1 != 0
    let isFetch = info & 1 << 4 != 0
    isGuestPageWalk = info & 1 << 33 != 0
    permissions = info & 1 << 0 != 0 ? .read : []
    isMisconfiguration = info & 1 << 3 != 0
    hasLinearAddress = false
    if isWrite {
      access = .write
    } else {
      // A walk on behalf of a fetch reads the guest's tables; it does not execute them.
      access = isFetch && !isGuestPageWalk ? .execute : .read
    }
  }
}
