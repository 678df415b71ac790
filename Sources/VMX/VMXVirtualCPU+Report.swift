import VCPU

/// The groups into which the SDM sorts the checks of a VM entry.
public enum VMCSGroup: Sendable {
  case controls, hostState, guestState
}

extension VMXVirtualCPU {
  /// The group of fields that a failed entry blames: VM-instruction errors 7 and 8 (SDM Vol. 3C, 31.4) name the
  /// control and the host-state fields (27.2.1, 27.2.2), exit reasons 33 and 34 the guest's state (27.3.1, 27.4).
  public static func blamedGroup(_ failure: EntryFailure) -> VMCSGroup? {
    switch (failure.isInstructionError, failure.code) {
    case (true, 7): .controls
    case (true, 8): .hostState
    case (false, ExitReason.invalidGuestState), (false, ExitReason.msrLoading): .guestState
    default: nil
    }
  }

  public func explain(_ failure: EntryFailure, _ body: (StaticString, UInt64) -> Void) {
    switch Self.blamedGroup(failure) {
    case .controls: forEachControl(body)
    case .hostState: forEachHostField(body)
    case .guestState: forEachGuestField(body)
    case nil: break
    }
  }

  private func forEachControl(_ body: (StaticString, UInt64) -> Void) {
    body("pin-based controls", self[.pinBasedControls])
    body("processor-based controls", self[.processorBasedControls])
    body("secondary controls", self[.secondaryControls])
    body("VM-exit controls", self[.exitControls])
    body("VM-entry controls", self[.entryControls])
    body("exception bitmap", self[.exceptionBitmap])
    body("entry interruption information", self[.entryInterruption])
    body("entry exception error code", self[.entryExceptionErrorCode])
    body("entry instruction length", self[.entryInstructionLength])
    body("EPT pointer", self[.eptPointer])
    body("MSR bitmap", self[.msrBitmap])
    body("VPID", self[.vpid])
  }

  private func forEachHostField(_ body: (StaticString, UInt64) -> Void) {
    body("host CR0", self[.hostCR0])
    body("host CR3", self[.hostCR3])
    body("host CR4", self[.hostCR4])
    body("host CS", self[.hostCS])
    body("host SS", self[.hostSS])
    body("host TR", self[.hostTR])
    body("host GS base", self[.hostGSBase])
    body("host TR base", self[.hostTRBase])
    body("host GDTR base", self[.hostGDTRBase])
    body("host IDTR base", self[.hostIDTRBase])
    body("host PAT", self[.hostPAT])
    body("host EFER", self[.hostEFER])
    body("host RIP", self[.hostRIP])
  }

  private func forEachGuestField(_ body: (StaticString, UInt64) -> Void) {
    body("guest CR0", self[.guestCR0])
    body("guest CR3", self[.guestCR3])
    body("guest CR4", self[.guestCR4])
    body("guest EFER", self[.guestEFER])
    body("guest RIP", self[.guestRIP])
    body("guest RFLAGS", self[.guestRFLAGS])
    body("guest DR7", self[.guestDR7])
    body("guest DEBUGCTL", self[.guestDebugControl])
    body("guest PAT", self[.guestPAT])
    body("guest activity state", self[.guestActivity])
    body("guest interruptibility state", self[.guestInterruptibility])
    body("guest pending debug exceptions", self[.guestPendingDebug])
    body("guest GDTR base", self[.guestGDTRBase])
    body("guest GDTR limit", self[.guestGDTRLimit])
    body("guest IDTR base", self[.guestIDTRBase])
    body("guest IDTR limit", self[.guestIDTRLimit])
    body("VM-entry controls", self[.entryControls])
    body("entry interruption information", self[.entryInterruption])
    forEachSegment(body)
  }

  private func forEachSegment(_ body: (StaticString, UInt64) -> Void) {
    let names: InlineArray<8, StaticString> = ["ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"]
    for index in 0..<UInt8(SegmentRegister.count) {
      body(names[Int(index)], self[.guestSelector(index)])
      body("  base", self[.guestBase(index)])
      body("  limit", self[.guestLimit(index)])
      body("  access rights", self[.guestAccessRights(index)])
    }
  }
}
