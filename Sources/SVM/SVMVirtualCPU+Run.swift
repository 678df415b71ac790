import Assembly
import CPU
import EPT
import Memory
import VCPU

extension SVMVirtualCPU {
  /// AMD-V has no timer of its own that ends a run: the run loop arms the local APIC's.
  public var boundsRuns: Bool { false }

  public mutating func run(from now: UInt64, until deadline: UInt64) -> VCPUExit {
    while true {
      unsafe enterSVM(registers, vmcb)
      writeMMIO32(vmcb + VMCBOffset.tlbControl, 0)
      self[VMCBOffset.eventInjection] = 0
      if let exit = settleExit() { return exit }
    }
  }

  @inline(__always)
  private mutating func settleExit() -> VCPUExit? {
    let code = self[VMCBOffset.exitCode]
    guard !SVMExitCode.isInvalid(code) else {
      return .entryFailed(
        EntryFailure(code: UInt32(truncatingIfNeeded: code), qualification: 0, isInstructionError: false))
    }
    requeueInterruptedEvent()
    switch code {
    case SVMExitCode.interrupt: return .hostInterrupt
    case SVMExitCode.cpuid: return .cpuid
    case SVMExitCode.msr: return self[VMCBOffset.exitInformation1] & 1 == 0 ? .readMSR : .writeMSR
    case SVMExitCode.hlt: return .halt
    case SVMExitCode.ioPort:
      return .port(PortAccess(ioExitInformation: self[VMCBOffset.exitInformation1]))
    case SVMExitCode.nestedPageFault:
      return .violation(
        SecondLevelViolation(npfExitInfo1: self[VMCBOffset.exitInformation1]),
        GuestPhysicalAddress(self[VMCBOffset.exitInformation2]))
    case SVMExitCode.pageFault:
      return .pageFault(
        GuestVirtualAddress(self[VMCBOffset.exitInformation2]),
        GuestPageWalk.ErrorCode(rawValue: UInt32(truncatingIfNeeded: self[VMCBOffset.exitInformation1])))
    case SVMExitCode.virtualInterrupt:
      requestInterruptWindow(false)
      return .interruptWindow
    default: return settleRareExit(code)
    }
  }

  @inline(never)
  private mutating func settleRareExit(_ code: UInt64) -> VCPUExit? {
    switch code {
    case SVMExitCode.controlRegisters:
      let access = ControlRegisterAccess(
        svmExitCode: code, information: self[VMCBOffset.exitInformation1],
        hasDecodeAssists: capabilities.hasDecodeAssists)
      return access.map { .controlRegister($0) } ?? .controlInstruction
    case SVMExitCode.invlpg where capabilities.hasDecodeAssists:
      return .invalidatePage(GuestVirtualAddress(self[VMCBOffset.exitInformation1]))
    case SVMExitCode.invlpg: return .controlInstruction
    case SVMExitCode.exceptions: return settleException(UInt8(code - SVMExitCode.exceptions.lowerBound))
    // The NMI itself has been taken when the host's global interrupt flag was set again.
    case SVMExitCode.nmi, SVMExitCode.smi: return .hostNMI
    case SVMExitCode.shutdown: return .tripleFault
    case SVMExitCode.xsetbv: return .setXCR
    case SVMExitCode.wbinvd, SVMExitCode.invd: return .cacheControl
    case SVMExitCode.rdpmc: return .protectionFault
    case SVMExitCode.iret:
      setIntercept(.iret, false)
      pendingIRET = instructionPointer
      return nil
    case SVMExitCode.vmrun...SVMExitCode.skinit, SVMExitCode.invlpga, SVMExitCode.monitor, SVMExitCode.mwait:
      return .missingInstruction
    default: return .unexpected(code)
    }
  }

  private mutating func settleException(_ vector: UInt8) -> VCPUExit? {
    if vector == ExceptionVector.machineCheck {
      raiseMachineCheck()
      return .hostNMI
    }
    if vector == ExceptionVector.debug && isSingleStepping { return .singleStep }
    // DR6 is what the guest's handler expects already (APM Vol. 2, 15.12.2).
    let errorCode =
      vector == ExceptionVector.alignmentCheck
      ? UInt32(truncatingIfNeeded: self[VMCBOffset.exitInformation1]) : nil
    inject(.exception(vector, errorCode: errorCode))
    return .exceptionReflected
  }

  public func readPassedMSR(_ index: UInt32) -> UInt64? {
    switch index {
    // Without nested paging there is no PAT of the guest's own (APM Vol. 2, 15.25.8).
    case 0x277: isShadowed ? nil : self[VMCBOffset.pat]
    case 0xC000_0100: self[.fs].base
    case 0xC000_0101: self[.gs].base
    default: nil
    }
  }

  /// The next-RIP field, where the CPU fills it in for exits that an instruction has made.
  public var exitInstructionLength: Int? {
    guard capabilities.hasNextRIP else { return nil }
    let next = self[VMCBOffset.nextRIP]
    let length = next &- instructionPointer
    return next != 0 && length <= 15 ? Int(length) : nil
  }

  public mutating func writeControlRegister(_ number: UInt8, _ value: UInt64) -> Bool {
    guard number == 4 else { return false }
    var controls = ControlRegisters(cr0: cr0, cr3: cr3, cr4: cr4, efer: efer)
    guard controls.writeCR4(value, offered: guestCR4Bits) else { return false }
    self[VMCBOffset.cr4] = value
    flushTranslations()
    return true
  }

  public func explain(_ failure: EntryFailure, _ body: (StaticString, UInt64) -> Void) {
    // What VMRUN checks (APM Vol. 2, 15.5.1, "Canonicalization and Consistency Checks").
    body("EFER", self[VMCBOffset.efer])
    body("CR0", self[VMCBOffset.cr0])
    body("CR3", self[VMCBOffset.cr3])
    body("CR4", self[VMCBOffset.cr4])
    body("DR6", self[VMCBOffset.dr6])
    body("DR7", self[VMCBOffset.dr7])
    body("CS attributes", self[VMCBOffset.segment(SegmentRegister.cs.rawValue)])
    body("ASID and TLB control", self[VMCBOffset.asid])
    body("event injection", self[VMCBOffset.eventInjection])
    body("nested control", self[VMCBOffset.nestedControl])
    body("nested CR3", self[VMCBOffset.nestedCR3])
    body("intercepts 1", self[VMCBOffset.intercept1])
  }
}
