import Memory

/// An event for the guest, delivered at its next entry.
public enum VCPUEvent: Equatable, Sendable {
  case interrupt(UInt8)
  case nmi
  case exception(UInt8, errorCode: UInt32?)
}

/// The seam between the run loop and a vendor's virtualisation: one virtual CPU as VT-x or AMD-V runs it.
///
/// All of it is called on the core that the vCPU is loaded on (`load` … `unload`).
public protocol VirtualCPU: ~Copyable {
  /// Makes this the vCPU that the calling core runs, with all of its state that stays in the CPU.
  mutating func load()
  /// Takes the vCPU's state out of the core, so that another vCPU, or another core, can go on.
  mutating func unload()

  /// Drops what the calling core has cached of the second-level tables, at the latest before this vCPU's next entry.
  mutating func dropTranslations()

  /// Sets every architectural register, as RESET, INIT or a loader does.
  mutating func reset(to state: ArchitecturalState)

  /// Runs the guest until something has to be done for it, or until the host's TSC, which is `now`, reaches
  /// `deadline` where the back end bounds a run by itself (`boundsRuns`).
  mutating func run(from now: UInt64, until deadline: UInt64) -> VCPUExit
  var boundsRuns: Bool { get }

  subscript(register: GeneralRegister) -> UInt64 { get set }
  subscript(segment: SegmentRegister) -> Segment { get }
  var instructionPointer: UInt64 { get set }
  var flags: UInt64 { get set }
  var cr0: UInt64 { get }
  var cr2: UInt64 { get set }
  var cr3: UInt64 { get }
  var cr4: UInt64 { get }
  /// EFER with LMA as paging has it; a new value has passed the checks of WRMSR.
  var efer: UInt64 { get set }
  /// 0 to 3.
  var privilegeLevel: UInt8 { get }
  /// The PDPTE registers of PAE paging; nil where the CPU keeps none and reads them from memory each time.
  var pageDirectoryPointers: InlineArray<4, UInt64>? { get }
  /// Sets CR4 as MOV does, for a back end that makes `.controlInstruction` exits; false where the guest gets #GP.
  mutating func writeControlRegister(_ number: UInt8, _ value: UInt64) -> Bool
  /// Sets what the guest sees as its control registers, and what the CPU gets instead, for a vCPU that was made to run
  /// on shadow tables.
  mutating func setControlRegisters(_ guest: ControlRegisters, running: ControlRegisters)
  /// LGDT or LIDT.
  mutating func loadDescriptorTable(_ table: DescriptorTable, isInterrupt: Bool)
  /// DR0 to DR3, DR6 or DR7.
  subscript(debugRegister number: UInt8) -> UInt64 { get set }
  /// IA32_DEBUGCTL.
  var debugControl: UInt64 { get set }
  /// One of the model-specific registers that the guest reads without an exit; nil where it does not.
  func readPassedMSR(_ index: UInt32) -> UInt64?
  /// Writes one of them with a value that it can hold, where the guest cannot do so itself; false where there is none.
  mutating func writePassedMSR(_ index: UInt32, _ value: UInt64) -> Bool

  /// Bytes of the instruction that made the exit; nil where the CPU does not say.
  var exitInstructionLength: Int? { get }
  /// Moves past the instruction that made the exit, which has `length` bytes.
  mutating func skipInstruction(length: Int)

  /// Queues `event` for the next entry. One event at a time: ask `canTakeInterrupt`/`canTakeNMI` first.
  mutating func inject(_ event: VCPUEvent)
  /// Whether the last exit came in the middle of delivering an event, which has been queued again.
  var isDeliveringEvent: Bool { get }
  /// Takes back the event that is queued for the next entry; nil where there is none, or where the guest raises it by
  /// itself when it executes its instruction again.
  mutating func takeQueuedEvent() -> VCPUEvent?
  var canTakeInterrupt: Bool { get }
  var canTakeNMI: Bool { get }
  mutating func requestInterruptWindow(_ isRequested: Bool)
  mutating func requestNMIWindow(_ isRequested: Bool)

  /// Calls `body` with the name and value of each field that a failed entry may be due to.
  func explain(_ failure: EntryFailure, _ body: (StaticString, UInt64) -> Void)

  /// Guest TSC − host TSC, modulo 2⁶⁴.
  var timeOffset: UInt64 { get set }
  /// Stop with `.singleStep` after each guest instruction.
  var isSingleStepping: Bool { get set }
}

extension VirtualCPU where Self: ~Copyable {
  /// For a back end whose guests write them without an exit in every mode.
  public mutating func writePassedMSR(_ index: UInt32, _ value: UInt64) -> Bool { false }
}
