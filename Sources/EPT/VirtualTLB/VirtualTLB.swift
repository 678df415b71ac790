import Memory

// How the virtual TLB stands in for a second level that the processor lacks, or that may not be used.
//
// The processor walks one table only, from the guest's linear addresses straight to host frames: the *shadow* table.
// It starts out empty. Each page fault that the processor takes on it comes to `handlePageFault`, which walks the
// guest's own tables (`GuestPageWalk`) and the second level, as hardware would, and then fills in one leaf, raises
// the fault in the guest, or reports that the second level lacks a permission.
//
// A shadow leaf is a TLB entry and obeys the rules of one. It may be kept while guest page tables change under it,
// until the guest does what empties a real TLB: INVLPG, a load of CR3, some changes of CR0, CR4 and EFER (SDM
// Vol. 3A, 4.10.4; APM Vol. 2, 5.5). It never holds what was not present or not accessed, grants writing only once
// the guest's dirty bit is set, and a page fault that reaches the guest has dropped what was stale. It may be
// dropped at any time. So guest page tables need no write protection, and the entries above the leaves hold nothing
// of the guest's.
//
// * Second level. A leaf grants no more than the second level did when it was filled. Whoever takes a permission
//   away calls `secondLevelChanged`, which finds through the reverse map (ShadowTables.swift) the leaves that map
//   the page, in whatever address space, and restricts just those.
//
// * Flushes. A load of CR3 must not let a stale entry live; but that an entry was filled earlier does not make it
//   stale. So a flush does not empty the table: it walks the guest's tables again for each leaf and drops those that
//   grant anything the walk does not. What is left is what a processor that filled its TLB in advance might hold
//   just after the flush. And so an address space may be kept while another one is active: eight roots are kept by
//   their CR3, and one that becomes active again is checked first. A switch between two processes, or between
//   the two halves of KPTI, costs a walk for each leaf instead of an exit for each page. Only leaves in use are
//   worth that: every eighth check drops the leaves whose accessed bit is clear, and clears those that are set.
//
// * Global pages outlive a load of CR3, and in the upper half of the address space every address space has the
//   same ones. They are kept once: in tables below a *shared root*, which no processor walks itself but whose
//   entries appear in all the other roots. A page of the upper half that is not global (KPTI) cannot be in such a
//   table: the slot of the root that leads to it then gets a table of its own. INVLPG looks in both.
//
// * CR0.WP. The processor always runs with WP set (ShadowControlRegisters.swift). If the guest has it clear, a
//   supervisor's page is simply writable. A user's read-only page that a supervisor writes becomes a writable
//   supervisor's page, not executable if SMEP is on, and the next access by a user, or by a supervisor to execute
//   it, faults and makes it the user's read-only page again. While it is a supervisor's, SMAP does not guard it:
//   with SMAP on it may stay for one instruction only.
//
// * SMAP tells an explicit access, which EFLAGS.AC may allow, from an implicit one, to a descriptor table or TSS,
//   which it may not. The error code does not. At CPL 3 a supervisor's access is implicit. Elsewhere it is taken to
//   be explicit; if it was not, the processor faults again on the leaf that grants it, and then it is the guest's
//   fault. (Not told apart: an implicit write to a read-only user page with WP off, SMAP on and AC set.)
//
// * Large guest pages become 2 MiB leaves where the second level has a leaf of at least that size, else 4 KiB ones.
//   INVLPG must drop all parts of a large page: an entry above such parts is marked, and INVLPG below a marked
//   entry empties all that it spans.
//
// Nothing here allocates. When the tables run out, the address space that has not been active for longest is
// dropped, or if there is no other, everything; then the guest tries again.

/// The shadow page tables of one virtual CPU: what its processor walks instead of the guest's own.
///
/// One caller at a time: a lock of the caller's covers each call as a whole. All but `secondLevelChanged` is called
/// while the guest does not execute on these tables. Before it executes on them again, CR3 is to be `rootAddress` and
/// `pendingInvalidation` to be looked at.
public struct VirtualTLB<Memory: ShadowMemory & ~Copyable>: ~Copyable {
  /// Frames for the tables of some twenty pages that have no table in common: more than one instruction needs.
  public static var minimumFrameCount: Int { 256 }

  public internal(set) var counters = VirtualTLBCounters()

  /// Whether the processor may hold translations that are no longer in the tables. If it is `required`, the core
  /// drops all of this guest's translations before the guest executes again, and then calls
  /// `completeInvalidation()`.
  public internal(set) var pendingInvalidation = Invalidation.required

  /// How the guest has set up paging.
  public internal(set) var paging: GuestPageWalk

  var tables: ShadowTables<Memory>

  /// The table that CR3 refers to.
  var root = Self.legacyRoot
  /// What is known of the root in table n: the address spaces of long mode, then the shared root and the legacy root.
  var spaces = InlineArray<10, ShadowedAddressSpace>(repeating: ShadowedAddressSpace())
  /// Counts the loads of CR3, to tell which address space was active last.
  var loads: UInt64 = 0
  /// An access that faulted on a leaf that grants it, if that is the last thing that happened.
  var refusedAccess: RefusedAccess?

  /// The roots of long mode.
  static var longModeRoots: Range<Int> { 0..<8 }
  /// The root whose entries the roots of all address spaces share, in their upper halves.
  static var sharedRoot: Int { 8 }
  /// The root outside long mode, whose four entries stay as they are: processors load them with CR3 (SDM Vol. 3A,
  /// 4.4.1).
  static var legacyRoot: Int { 9 }

  /// An empty virtual TLB for a guest that has set up `paging`.
  public init(memory: consuming Memory, paging: GuestPageWalk) throws(VirtualTLBError) {
    guard memory.frameCount >= Self.minimumFrameCount else { throw .tooFewFrames }
    let limit: UInt64 = 1 << 32
    guard memory.base.value & (pageSize - 1) == 0, memory.base.value < limit,
      UInt64(memory.frameCount) <= (limit - memory.base.value) / pageSize
    else { throw .misplaced }
    self.paging = paging
    tables = ShadowTables(memory)
    // Tables 0 to 9 are the roots.
    for _ in 0...Self.legacyRoot { _ = tables.allocate() }
    for index in 0..<4 {
      if let directory = tables.allocate() {
        tables.insert(.pageDirectory(tables.address(of: directory)), at: Self.legacyRoot << 9 | index)
      }
    }
    selectRoot()
  }

  /// What the processor's CR3 must hold while the guest executes: a PML4 table while the guest is in long mode, else
  /// a page-directory-pointer table.
  public var rootAddress: HostPhysicalAddress { tables.address(of: root) }

  /// The processor has dropped all of this guest's translations since anything was last called here.
  public mutating func completeInvalidation() {
    tables.releaseRetired()
    pendingInvalidation = .none
  }
}
