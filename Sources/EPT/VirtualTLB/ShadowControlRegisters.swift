/// The control registers with which a processor runs a guest on a shadow table, instead of the guest's own.
///
/// The guest must not see them: MOV to and from CR0, CR3 and CR4, SMSW, LMSW, RDMSR and WRMSR of EFER are
/// intercepted, and so are INVLPG and #PF. RFLAGS.AC and the CPL are the guest's own. CPUID offers neither PCID,
/// INVPCID and INVLPGB nor five-level paging, protection keys and shadow stacks, and so the guest has none of them.
///
/// - CR0.PG is set: a guest without paging runs on a table too, one that maps the low 4 GiB to themselves. CR0.PE
///   remains the guest's: under AMD-V, real mode runs with paging (APM Vol. 2, 15.19); under VT-x without
///   unrestricted guest it is set all the same, and real mode runs as virtual-8086 code.
/// - CR0.WP is set, for an entry that is read-only because of the second level, or because the guest's dirty bit is
///   still clear, must stop a supervisor's write as well. What a guest with WP clear may do is in the entries.
/// - CR4.PAE is set and EFER.LMA and LME are the guest's LMA: the processor is in long mode exactly when the guest
///   is, since segments, interrupt delivery and task switches depend on it, and otherwise walks three levels in the
///   same format. A guest that has set LME but not yet paging is not in long mode.
/// - CR4.SMEP and CR4.SMAP are the guest's, and enforced by the processor, while the guest has paging on. Without
///   paging they have no effect, but would have one on the table's entries, which are all a user's.
/// - EFER.NXE is set: entries use bit 63. The guest's own NXE is in the walk of its tables.
///
/// CR4.PGE and PSE have no effect on shadow tables. The PAT is the host's, with entries 0, 1 and 3 write-back,
/// write-through and uncacheable as after reset, and not the guest's.
public struct ShadowControlRegisters: Equatable, Sendable {
  public let cr0: UInt64
  public let cr4: UInt64
  public let efer: UInt64

  /// What the processor gets for a guest that has set these.
  public init(guestCR0: UInt64, guestCR4: UInt64, guestEFER: UInt64) {
    let pagingBit: UInt64 = 1 << 31
    let writeProtectBit: UInt64 = 1 << 16
    let physicalAddressExtensionBit: UInt64 = 1 << 5
    let supervisorModeBits: UInt64 = 1 << 20 | 1 << 21
    let longModeBits: UInt64 = 1 << 8 | 1 << 10
    let noExecuteBit: UInt64 = 1 << 11
    let hasPaging = guestCR0 & pagingBit != 0
    let isLongMode = hasPaging && guestEFER & 1 << 8 != 0

    cr0 = guestCR0 | pagingBit | writeProtectBit
    cr4 = (hasPaging ? guestCR4 : guestCR4 & ~supervisorModeBits) | physicalAddressExtensionBit
    efer = guestEFER & ~longModeBits | noExecuteBit | (isLongMode ? longModeBits : 0)
  }
}
