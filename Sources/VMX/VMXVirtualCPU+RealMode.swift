import VCPU

// Real mode without unrestricted guest.
//
// VMX operation then has protection and paging always on, so real-mode code runs in virtual-8086 mode: RFLAGS.VM set,
// each segment 64 KiB at its selector times 16, on the virtual TLB's table that maps addresses to themselves. Most of
// it runs as it would in real mode. What does not:
//
// * Privileged instructions. Virtual-8086 code has CPL 3, so that MOV with a control register, LGDT, HLT, RDMSR and so
//   on raise #GP, before they could make an exit of their own. All exceptions are intercepted; a #GP becomes
//   `.privilegedInstruction`, and the run loop decodes what stands there.
//
// * I/O. A permission map decides, which TR's segment would hold; it is cut to nothing, and so IN and OUT raise #GP.
//
// * The interrupt flag. IOPL is 3, so that CLI, STI, PUSHF, POPF and IRET work by themselves on IF. The guest sees that
//   IOPL when it pushes its flags; its own one is kept here and comes back with protected mode.
//
// * INT n goes through IDTR as in protected mode, where the guest's table of real-mode vectors could be mistaken for
//   gates. IDTR gets a limit that has room for none, and so INT n raises #GP. The limit is one that nobody asks for:
//   if a guest stores IDTR and loads it again, it is taken for the one that it stands for.
//
// * SYSENTER, which real mode does not have, raises #GP as it would there: IA32_SYSENTER_CS is 0 for the time.
//
// * Events are delivered here (`deliverByHand`), at the time when they would be queued for the next entry.
//
// Between a change of CR0.PE and the next load of a segment register, a processor goes on with the segment's hidden part.
// So does this: what becomes visible is the selector, whose RPL is cleared in CS and SS when protected mode begins, and
// which follows from the base when real mode begins. What virtual-8086 mode has no way to say stops the machine with
// the reason (`RealModeProblem`): a base that is no selector times 16, as CS has after RESET; 32-bit code; and
// accesses beyond 64 KiB, once a segment has come from protected mode with a larger limit.

/// What of a real-mode guest the VMCS has otherwise.
struct RealModeState {
  /// RFLAGS.IOPL.
  var ioPrivilege: UInt64
  var task: Segment
  var systemCallSegment: UInt64
  /// Whether a segment has kept a limit of more than 64 KiB.
  var hasLargeSegment: Bool
}

extension VMXVirtualCPU {
  /// IDTR's limit in virtual-8086 mode: less than one gate of 8 bytes.
  static var gatelessLimit: UInt16 { 6 }

  /// Bits of CR0 and CR4 that take from CPL 3 what is allowed at CPL 0, or change where INT n goes.
  static var hiddenCR0: UInt64 { CR0.alignmentMask }
  static var hiddenCR4: UInt64 { CR4.virtual8086 | CR4.timeStampDisable | CR4.umip }

  private static var virtual8086Flags: UInt64 { RFLAGS.virtual8086 | RFLAGS.ioPrivilege }

  private static var segments: InlineArray<6, SegmentRegister> { [.es, .cs, .ss, .ds, .fs, .gs] }

  mutating func enterRealMode() {
    let task = self[.tr]
    var state = RealModeState(
      ioPrivilege: flags & RFLAGS.ioPrivilege, task: task, systemCallSegment: self[.guestSysenterCS],
      hasLargeSegment: false)
    if self[.cs].isDefault32 { problem = .wideCode }
    let registers = Self.segments
    for index in registers.indices {
      let segment = self[registers[index]]
      if segment.limit > 0xFFFF && !segment.isUnusable { state.hasLargeSegment = true }
      do {
        set(registers[index], to: try segment.asVirtual8086())
      } catch {
        problem = error
      }
    }
    set(.tr, to: task.withoutPermissionMap)
    self[.guestSysenterCS] = 0
    let limit = UInt16(truncatingIfNeeded: self[.guestIDTRLimit])
    if limit != Self.gatelessLimit { realModeTableLimit = limit }
    self[.guestIDTRLimit] = UInt64(Self.gatelessLimit)
    self[.guestRFLAGS] = flags | Self.virtual8086Flags
    realMode = state
    self[.exceptionBitmap] = interceptedExceptions
  }

  mutating func leaveRealMode() {
    guard let state = realMode else { return }
    let flags = flags
    realMode = nil
    let registers = Self.segments
    for index in registers.indices {
      let register = registers[index]
      set(register, to: self[register].asProtected(register))
    }
    set(.tr, to: state.task)
    self[.guestSysenterCS] = state.systemCallSegment
    self[.guestIDTRLimit] = UInt64(realModeTableLimit)
    self[.guestRFLAGS] = flags
    self[.exceptionBitmap] = interceptedExceptions
  }

  public var flags: UInt64 {
    get {
      guard let realMode else { return self[.guestRFLAGS] }
      return self[.guestRFLAGS] & ~Self.virtual8086Flags | realMode.ioPrivilege
    }
    set {
      if realMode == nil {
        self[.guestRFLAGS] = newValue
      } else {
        realMode?.ioPrivilege = newValue & RFLAGS.ioPrivilege
        self[.guestRFLAGS] = newValue | Self.virtual8086Flags
      }
    }
  }

  public mutating func loadDescriptorTable(_ table: DescriptorTable, isInterrupt: Bool) {
    guard isInterrupt else {
      self[.guestGDTRBase] = table.base
      self[.guestGDTRLimit] = UInt64(table.limit)
      return
    }
    self[.guestIDTRBase] = table.base
    if realMode == nil {
      self[.guestIDTRLimit] = UInt64(table.limit)
    } else if table.limit != Self.gatelessLimit {
      realModeTableLimit = table.limit
    }
  }

  /// Takes the guest to the handler that its table of real-mode vectors has for an event.
  mutating func deliverByHand(_ event: InterruptionInformation) {
    guard let realMode else { return }
    let isInterrupt =
      event.kind == InterruptionInformation.Kind.externalInterrupt.rawValue
      || event.kind == InterruptionInformation.Kind.nmi.rawValue
    let isLimit =
      event.vector == ExceptionVector.generalProtection || event.vector == ExceptionVector.stackFault
    if isLimit && !isInterrupt && realMode.hasLargeSegment { return problem = .largeSegment }

    let start = UInt16(truncatingIfNeeded: self[.guestRIP])
    let length = event.needsInstructionLength ? self[.entryInstructionLength] : 0
    var interrupt = RealModeInterrupt(
      flags: flags, code: self[.cs].selector,
      instructionPointer: start &+ UInt16(truncatingIfNeeded: length), stack: self[.ss].selector,
      stackPointer: UInt16(truncatingIfNeeded: self[.guestRSP]))
    let table = DescriptorTable(base: self[.guestIDTRBase], limit: realModeTableLimit)
    var vector = event.vector
    while true {
      do {
        try interrupt.take(vector, through: table, words)
        break
      } catch {
        switch error {
        case .beyondTable:
          guard let next = RealModeInterrupt.successor(of: vector) else { return problem = .shutdown }
          vector = next
          interrupt.instructionPointer = start
        case .stackPointer: return problem = .shutdown
        case .memory: return problem = .memory
        }
      }
    }
    self[.guestRIP] = UInt64(interrupt.instructionPointer)
    self[.guestRSP] = self[.guestRSP] & ~0xFFFF | UInt64(interrupt.stackPointer)
    set(
      .cs,
      to: Segment(
        selector: interrupt.code, attributes: 0xF3, limit: 0xFFFF, base: UInt64(interrupt.code) << 4))
    flags = interrupt.flags
    var blocking = self[.guestInterruptibility] & ~Interruptibility.blockingByInstruction
    if event.kind == InterruptionInformation.Kind.nmi.rawValue { blocking |= Interruptibility.blockingByNMI }
    self[.guestInterruptibility] = blocking
    // The handler begins with TF clear: of an instruction or exception no single-step trap is left.
    if !isInterrupt { dropPendingSingleStep() }
  }

  /// Why the next entry must not be made; nil where it may.
  var refusal: VCPUExit? {
    switch problem {
    case nil: nil
    case .shutdown: .tripleFault
    case .some(let problem): .realModeProblem(problem)
    }
  }
}
