import CPU
import VCPU

/// Bits of the guest's interruptibility state (SDM Vol. 3C, table 25-3).
enum Interruptibility {
  static let blockingBySTI: UInt64 = 1 << 0
  static let blockingByMOVSS: UInt64 = 1 << 1
  static let blockingByNMI: UInt64 = 1 << 3
  static let blockingByInstruction = blockingBySTI | blockingByMOVSS
}

/// Bit 14 of the pending debug exceptions, BS: a single-step trap is due (SDM Vol. 3C, table 25-4).
private let pendingSingleStep: UInt64 = 1 << 14

/// BTF in IA32_DEBUGCTL: TF traps on branches instead of instructions (SDM Vol. 3B, 18.4.1).
private let branchTrap: UInt64 = 1 << 1

extension VMXVirtualCPU {
  public var exitInstructionLength: Int? {
    @inline(__always) get { Int(truncatingIfNeeded: self[.exitInstructionLength]) }
  }

  @inline(__always)
  public mutating func skipInstruction(length: Int) {
    let current = self[.guestRIP]
    var next = current &+ UInt64(truncatingIfNeeded: length)
    // Outside 64-bit code RIP wraps at 32 bits, and an entry with more is refused (27.3.1.4).
    if (next ^ current) >> 32 != 0 && !isLongCode { next &= 0xFFFF_FFFF }
    self[.guestRIP] = next
    let blocking = self[.guestInterruptibility]
    if blocking & Interruptibility.blockingByInstruction != 0 {
      self[.guestInterruptibility] = blocking & ~Interruptibility.blockingByInstruction
    }
    if self[.guestRFLAGS] & RFLAGS.trap != 0 && self[.guestDebugControl] & branchTrap == 0 {
      self[.guestPendingDebug] = self[.guestPendingDebug] | pendingSingleStep
    }
  }

  private var isLongCode: Bool {
    @inline(__always) get {
      efer & EFER.longModeActive != 0
        && self[.guestAccessRights(SegmentRegister.cs.rawValue)] & 1 << 13 != 0
    }
  }

  /// Gives the guest the #DB that was intercepted as it would have come: an INT1 (ICEBP) as such, everything else
  /// as a hardware exception (28.2.2).
  mutating func reflectDebugException(_ event: InterruptionInformation) {
    // Delivery clears BTF (SDM Vol. 3B, 18.4.3).
    let control = self[.guestDebugControl]
    self[.guestDebugControl] = control & ~branchTrap
    if event.kind == InterruptionInformation.Kind.privilegedSoftwareException.rawValue {
      self[.entryInstructionLength] = self[.exitInstructionLength]
      queue(InterruptionInformation(.privilegedSoftwareException, vector: ExceptionVector.debug))
      return
    }
    // Where TF is set and STI or MOV SS blocks, an entry insists on the single-step trap (27.3.1.5).
    if self[.guestRFLAGS] & RFLAGS.trap != 0 && control & branchTrap == 0
      && self[.guestInterruptibility] & Interruptibility.blockingByInstruction != 0
    {
      self[.guestPendingDebug] = self[.guestPendingDebug] | pendingSingleStep
    }
    inject(.exception(ExceptionVector.debug, errorCode: nil))
  }

  func dropPendingSingleStep() {
    self[.guestPendingDebug] = self[.guestPendingDebug] & ~pendingSingleStep
  }

  public var isDeliveringEvent: Bool { hasQueuedEvent }

  public var canTakeInterrupt: Bool {
    @inline(__always) get {
      !hasQueuedEvent && self[.guestRFLAGS] & RFLAGS.interrupt != 0
        && self[.guestInterruptibility] & Interruptibility.blockingByInstruction == 0
    }
  }

  public var canTakeNMI: Bool {
    !hasQueuedEvent
      && self[.guestInterruptibility]
        & (Interruptibility.blockingByInstruction | Interruptibility.blockingByNMI)
        == 0
  }

  public mutating func inject(_ event: VCPUEvent) {
    switch event {
    case .interrupt(let vector):
      queue(InterruptionInformation(.externalInterrupt, vector: vector))
    case .nmi:
      queue(InterruptionInformation(.nmi, vector: ExceptionVector.nmi))
    case .exception(let vector, let errorCode):
      if let errorCode { self[.entryExceptionErrorCode] = UInt64(errorCode) }
      // In real mode no exception pushes an error code (27.2.1.3).
      let hasErrorCode = errorCode != nil && cr0 & CR0.protectionEnable != 0
      queue(InterruptionInformation(.hardwareException, vector: vector, hasErrorCode: hasErrorCode))
    }
  }

  @inline(__always)
  mutating func queue(_ event: InterruptionInformation) {
    if realMode != nil { return deliverByHand(event) }
    self[.entryInterruption] = UInt64(event.rawValue)
    hasQueuedEvent = true
  }

  public mutating func takeQueuedEvent() -> VCPUEvent? {
    guard hasQueuedEvent else { return nil }
    hasQueuedEvent = false
    let event = InterruptionInformation(rawValue: UInt32(truncatingIfNeeded: self[.entryInterruption]))
    self[.entryInterruption] = 0
    switch InterruptionInformation.Kind(rawValue: event.kind) {
    case .externalInterrupt: return .interrupt(event.vector)
    case .nmi: return .nmi
    case .hardwareException:
      let code = UInt32(truncatingIfNeeded: self[.entryExceptionErrorCode])
      return .exception(event.vector, errorCode: event.hasErrorCode ? code : nil)
    case .softwareInterrupt, .privilegedSoftwareException, .softwareException, nil: return nil
    }
  }

  public mutating func requestInterruptWindow(_ isRequested: Bool) {
    setProcessorControl(.interruptWindowExiting, isRequested)
  }

  public mutating func requestNMIWindow(_ isRequested: Bool) {
    setProcessorControl(.nmiWindowExiting, isRequested)
  }

  @inline(__always)
  mutating func setProcessorControl(_ control: ProcessorControls, _ isOn: Bool) {
    guard processorControls.contains(control) != isOn else { return }
    if isOn { processorControls.insert(control) } else { processorControls.remove(control) }
    self[.processorBasedControls] = UInt64(processorControls.rawValue)
  }

  /// Puts an event that the exit interrupted back for the next entry (SDM Vol. 3C, 28.2.4 and 27.6).
  mutating func requeueInterruptedEvent() {
    let event = InterruptionInformation(rawValue: UInt32(truncatingIfNeeded: self[.vectoring]))
    guard event.isValid else {
      // An IRET that faulted had already unblocked NMIs (28.2.3).
      let source = isEPTViolation ? self[.exitQualification] : self[.exitInterruption]
      if source & 1 << 12 != 0 && !isDoubleFault {
        self[.guestInterruptibility] = self[.guestInterruptibility] | Interruptibility.blockingByNMI
      }
      return
    }
    // What the CPU delivers itself in real mode, and comes to nothing, is INT n.
    guard realMode == nil else { return }
    if event.hasErrorCode { self[.entryExceptionErrorCode] = self[.vectoringErrorCode] }
    if event.needsInstructionLength { self[.entryInstructionLength] = self[.exitInstructionLength] }
    if event.kind == InterruptionInformation.Kind.nmi.rawValue {
      self[.guestInterruptibility] = self[.guestInterruptibility] & ~Interruptibility.blockingByNMI
    }
    // Bit 12 is undefined in the vectoring field and reserved in the entry field.
    queue(InterruptionInformation(rawValue: event.rawValue & ~(1 << 12)))
  }

  private var isEPTViolation: Bool {
    UInt32(truncatingIfNeeded: self[.exitReason]) & 0xFFFF == ExitReason.eptViolation
  }

  private var isDoubleFault: Bool {
    !isEPTViolation && UInt8(truncatingIfNeeded: self[.exitInterruption]) == ExceptionVector.doubleFault
  }

  /// Single-stepping is the monitor trap flag's job where the CPU has it, else TF's and #DB's.
  mutating func applySingleStepping() {
    if capabilities.hasMonitorTrapFlag {
      setProcessorControl(.monitorTrapFlag, isSingleStepping)
    } else if isSingleStepping {
      self[.guestRFLAGS] = self[.guestRFLAGS] | RFLAGS.trap
    } else {
      self[.guestRFLAGS] = self[.guestRFLAGS] & ~RFLAGS.trap
    }
  }
}
