import Assembly
import CPU
import EPT
import Memory
import VCPU

extension VMXVirtualCPU {
  public var boundsRuns: Bool { capabilities.pin.contains(.preemptionTimer) }

  public mutating func run(from now: UInt64, until deadline: UInt64) -> VCPUExit {
    var now = now
    while true {
      if isShadowed, let refusal { return refusal }
      if boundsRuns {
        let ticks = deadline > now ? deadline &- now : 0
        self[.preemptionTimer] = min(ticks >> capabilities.timerShift, UInt64(UInt32.max))
      }
      hasQueuedEvent = false
      let status = unsafe enterVMX(registers, isLaunched ? 1 : 0)
      guard status == 0 else {
        let code = status == 2 ? UInt32(truncatingIfNeeded: self[.instructionError]) : 0
        return .entryFailed(EntryFailure(code: code, qualification: 0, isInstructionError: true))
      }
      let reason = UInt32(truncatingIfNeeded: self[.exitReason])
      isLaunched = true
      if let exit = settle(reason) { return exit }
      now = readTSC()
    }
  }

  /// Names the exit in neutral terms; nil where it has been dealt with and the guest goes on.
  @inline(__always)
  private mutating func settle(_ reason: UInt32) -> VCPUExit? {
    switch reason {
    case ExitReason.cpuid: return .cpuid
    case ExitReason.rdmsr: return .readMSR
    case ExitReason.wrmsr: return .writeMSR
    case ExitReason.hlt: return .halt
    case ExitReason.ioInstruction: return .port(PortAccess(ioQualification: self[.exitQualification]))
    case ExitReason.externalInterrupt: return .hostInterrupt
    case ExitReason.preemptionTimer: return .timeOver
    case ExitReason.eptViolation:
      requeueInterruptedEvent()
      return .violation(
        SecondLevelViolation(eptExitQualification: self[.exitQualification]),
        GuestPhysicalAddress(self[.guestPhysicalAddress]))
    case ExitReason.interruptWindow:
      requestInterruptWindow(false)
      return .interruptWindow
    case ExitReason.nmiWindow:
      requestNMIWindow(false)
      return .nmiWindow
    case ExitReason.controlRegister: return handleControlRegister()
    default: return settleRareExit(reason)
    }
  }

  @inline(never)
  private mutating func settleRareExit(_ reason: UInt32) -> VCPUExit? {
    switch reason {
    case ExitReason.exceptionOrNMI: return settleException()
    case ExitReason.invlpg: return .invalidatePage(GuestVirtualAddress(self[.exitQualification]))
    case ExitReason.tripleFault: return .tripleFault
    case ExitReason.xsetbv: return .setXCR
    case ExitReason.wbinvd, ExitReason.invd: return .cacheControl
    case ExitReason.rdpmc: return .protectionFault
    case ExitReason.monitorTrapFlag: return .singleStep
    case ExitReason.vmcall...ExitReason.vmxon, ExitReason.invept, ExitReason.invvpid, ExitReason.getsec,
      ExitReason.mwait, ExitReason.monitor:
      return .missingInstruction
    default:
      if reason & ExitReason.entryFailure != 0 {
        // It is not sure to have been launched; cleared, it surely has not.
        _ = vmclear(vmcs.value)
        _ = vmptrld(vmcs.value)
        isLaunched = false
        if reason & 0xFFFF == ExitReason.machineCheckDuringEntry { raiseMachineCheck() }
        return .entryFailed(
          EntryFailure(
            code: reason & 0xFFFF, qualification: self[.exitQualification], isInstructionError: false))
      }
      return .unexpected(UInt64(reason))
    }
  }

  private mutating func settleException() -> VCPUExit? {
    let event = InterruptionInformation(rawValue: UInt32(truncatingIfNeeded: self[.exitInterruption]))
    if event.kind == InterruptionInformation.Kind.nmi.rawValue {
      raiseNMI()
      return .hostNMI
    }
    requeueInterruptedEvent()
    switch event.vector {
    case ExceptionVector.pageFault:
      return .pageFault(
        GuestVirtualAddress(self[.exitQualification]),
        GuestPageWalk.ErrorCode(rawValue: UInt32(truncatingIfNeeded: self[.exitInterruptionErrorCode])))
    case ExceptionVector.machineCheck:
      raiseMachineCheck()
      return .hostNMI
    case ExceptionVector.debug where isSingleStepping && !capabilities.hasMonitorTrapFlag:
      // Nothing is injected, and an entry with TF and blocking by STI or MOV SS would need a pending trap.
      self[.guestInterruptibility] = self[.guestInterruptibility] & ~Interruptibility.blockingByInstruction
      return .singleStep
    case ExceptionVector.debug:
      // DR6 as the exception would have left it; DR7.GD is cleared by its delivery (28.2.1, 28.1).
      let cause = self[.exitQualification]
      writeDR6(readDR6() & ~0xF | cause & 0x600F | 0xFFFF_0FF0)
      self[.guestDR7] = self[.guestDR7] & ~(1 << 13)
      reflectDebugException(event)
      return .exceptionReflected
    case ExceptionVector.generalProtection where realMode != nil: return .privilegedInstruction
    case _ where event.kind == InterruptionInformation.Kind.softwareException.rawValue:
      // INT3 or INTO in real mode.
      self[.entryInstructionLength] = self[.exitInstructionLength]
      queue(InterruptionInformation(.softwareException, vector: event.vector))
      return .exceptionReflected
    default:
      inject(
        .exception(
          event.vector,
          errorCode: event.hasErrorCode
            ? UInt32(truncatingIfNeeded: self[.exitInterruptionErrorCode]) : nil))
      return .exceptionReflected
    }
  }
}
