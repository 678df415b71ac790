import EPT
import Memory

/// Why a vCPU stopped running, in terms that both vendors share. What a back end can settle by itself
/// (control registers that it shadows, re-injection of an interrupted event) never gets here.
public enum VCPUExit {
  /// The host has an interrupt pending; nothing to do for the guest.
  case hostInterrupt
  /// The host's NMI has arrived and has been handled.
  case hostNMI
  /// The time that `run` was given is over.
  case timeOver
  /// The guest can take an interrupt now (after `requestInterruptWindow`).
  case interruptWindow
  /// The guest can take an NMI now.
  case nmiWindow
  /// An exception of the guest's that had to be looked at is on its way to it. An exit, since its delivery may raise
  /// the next one without an instruction between: the run loop has its say each time.
  case exceptionReflected
  case halt
  case cpuid
  case readMSR
  case writeMSR
  case port(PortAccess)
  case violation(SecondLevelViolation, GuestPhysicalAddress)
  /// #PF on a shadow table, at this linear address.
  case pageFault(GuestVirtualAddress, GuestPageWalk.ErrorCode)
  case controlRegister(ControlRegisterAccess)
  /// INVLPG of this linear address.
  case invalidatePage(GuestVirtualAddress)
  /// An access to a control register, or INVLPG, that has to be decoded.
  case controlInstruction
  /// #GP by what may be an instruction that real mode allows, while the CPU runs that in another mode.
  case privilegedInstruction
  case realModeProblem(RealModeProblem)
  case setXCR
  /// WBINVD or INVD: nothing that the guest can see depends on it.
  case cacheControl
  /// An instruction that this machine does not have: VMCALL, the virtualisation extensions, MONITOR, …
  case missingInstruction
  /// An instruction that faults with #GP here: RDPMC without a PMU, a control register with a reserved bit.
  case protectionFault
  /// One instruction has run (after `isSingleStepping` was set).
  case singleStep
  case tripleFault
  /// The state that the guest or we put the vCPU in cannot be entered.
  case entryFailed(EntryFailure)
  /// An exit that was never asked for: its reason, in the vendor's numbering.
  case unexpected(UInt64)
}

/// One IN, OUT, INS or OUTS.
public struct PortAccess: Equatable, Sendable {
  public var port: UInt16
  /// Bytes: 1, 2 or 4.
  public var width: Int
  public var isInput: Bool
  public var isString: Bool
  public var isRepeated: Bool

  public init(port: UInt16, width: Int, isInput: Bool, isString: Bool, isRepeated: Bool) {
    self.port = port
    self.width = width
    self.isInput = isInput
    self.isString = isString
    self.isRepeated = isRepeated
  }
}

/// What a VM entry that the CPU refused says of its reason.
public struct EntryFailure: Equatable, Sendable {
  /// The vendor's code: VM-instruction error (SDM Vol. 3C, 31.4) or basic exit reason (33, 34, 41).
  public var code: UInt32
  public var qualification: UInt64
  /// Whether the code is a VM-instruction error (the entry never began).
  public var isInstructionError: Bool

  public init(code: UInt32, qualification: UInt64, isInstructionError: Bool) {
    self.code = code
    self.qualification = qualification
    self.isInstructionError = isInstructionError
  }
}
