import Assembly
import CPU
import EPT
import Memory
import VCPU

extension VMXVirtualCPU {
  /// STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE, TSC_AUX (SDM Vol. 4), the last only with RDTSCP.
  static var residentMSRs: InlineArray<6, UInt32> {
    [0xC000_0081, 0xC000_0082, 0xC000_0083, 0xC000_0084, 0xC000_0102, 0xC000_0103]
  }

  /// PAT after RESET (SDM Vol. 3A, 12.12.4).
  static var resetPAT: UInt64 { 0x0007_0406_0007_0406 }

  /// #MC, because the host must see it; #DB and #AC, because a guest can make their delivery loop for ever
  /// inside one instruction, where no host interrupt gets in.
  /// On shadow tables #PF, whatever its error code. In real mode that runs in another mode, all of them.
  var interceptedExceptions: UInt64 {
    if realMode != nil { return 0xFFFF_FFFF }
    return 1 << UInt64(ExceptionVector.machineCheck) | 1 << UInt64(ExceptionVector.debug)
      | 1 << UInt64(ExceptionVector.alignmentCheck)
      | (isShadowed ? 1 << UInt64(ExceptionVector.pageFault) : 0)
  }

  func writeControls(msrBitmap: HostPhysicalAddress, vpid: UInt16) {
    self[.pinBasedControls] = UInt64(capabilities.pin.rawValue)
    self[.processorBasedControls] = UInt64(processorControls.rawValue)
    if processorControls.contains(.secondaryControls) {
      self[.secondaryControls] = UInt64(capabilities.secondary.rawValue)
    }
    self[.exitControls] = UInt64(capabilities.exit.rawValue)
    self[.entryControls] = UInt64(capabilities.entry.rawValue)
    self[.pageFaultErrorCodeMask] = 0
    self[.pageFaultErrorCodeMatch] = 0
    self[.cr3TargetCount] = 0
    self[.exitMSRStoreCount] = 0
    self[.exitMSRLoadCount] = 0
    self[.entryMSRLoadCount] = 0
    self[.entryInterruption] = 0
    self[.msrBitmap] = msrBitmap.value
    if let eptPointer { self[.eptPointer] = eptPointer.rawValue }
    if capabilities.secondary.contains(.vpid) { self[.vpid] = UInt64(vpid) }
    self[.vmcsLinkPointer] = .max
    self[.tscOffset] = currentTimeOffset
  }

  /// The host's side of the VMCS: what this core's own registers say now (SDM Vol. 3C, 25.5).
  func writeHostState() {
    self[.hostCR0] = readCR0()
    self[.hostCR3] = readCR3()
    self[.hostCR4] = readCR4()
    self[.hostCS] = 0x08
    for field: VMCSField in [.hostSS, .hostDS, .hostES, .hostFS, .hostGS] { self[field] = 0x10 }
    self[.hostTR] = 0x18
    self[.hostFSBase] = 0
    self[.hostGSBase] = CPU.readMSR(0xC000_0101)
    let gdt = readGDTR()
    self[.hostGDTRBase] = gdt
    self[.hostIDTRBase] = readIDTR()
    self[.hostTRBase] = TaskStateSegment.base(inGDT: gdt, selector: 0x18)
    self[.hostSysenterCS] = 0
    self[.hostSysenterESP] = 0
    self[.hostSysenterEIP] = 0
    if !isShadowed {
      self[.hostPAT] = CPU.readMSR(0x277)
      self[.hostEFER] = CPU.readMSR(0xC000_0080)
    }
    self[.hostRIP] = vmxExitAddress()
    unsafe registers.pointee.host = 0
  }

  public mutating func load() {
    _ = vmptrld(vmcs.value)
    writeHostState()
    resident.restore()
    writeCR2(parkedCR2)
    writeDR6(parkedDR6)
    if isShadowed { loadSystemCallEnable() }
    flushTranslations()
    dropTranslations()
  }

  /// INVEPT, single context: mappings of every VPID that were made through these tables (SDM Vol. 3C, 29.4.3.1). Those
  /// of shadow tables are the vCPU's own linear ones.
  public mutating func dropTranslations() {
    if let eptPointer { _ = invept(1, eptPointer.rawValue) } else { flushTranslations() }
  }

  public mutating func unload() {
    resident.park()
    parkedCR2 = readCR2()
    parkedDR6 = readDR6()
    _ = vmclear(vmcs.value)
    isLaunched = false
  }

  public mutating func reset(to state: ArchitecturalState) {
    realMode = nil
    problem = nil
    self[.exceptionBitmap] = interceptedExceptions
    for register in 0..<UInt8(16) {
      unsafe registers[general: GeneralRegister(register)] = state.general[Int(register)]
    }
    self[.guestRSP] = state[.rsp]
    self[.guestRIP] = state.instructionPointer
    self[.guestRFLAGS] = state.flags
    for index in 0..<UInt8(SegmentRegister.count) {
      if let register = SegmentRegister(rawValue: index) { set(register, to: state.segments[Int(index)]) }
    }
    self[.guestGDTRBase] = state.gdtr.base
    self[.guestGDTRLimit] = UInt64(state.gdtr.limit)
    self[.guestIDTRBase] = state.idtr.base
    self[.guestIDTRLimit] = UInt64(state.idtr.limit)
    guestControls = ControlRegisters(cr0: state.cr0, cr3: state.cr3, cr4: state.cr4, efer: state.efer)
    needsControls = true
    self[.guestCR3] = state.cr3
    cr2 = 0
    for number in 0..<UInt8(4) { self[debugRegister: number] = 0 }
    self[debugRegister: 6] = 0xFFFF_0FF0
    self[.guestDR7] = 0x400
    self[.guestDebugControl] = 0
    if !isShadowed { self[.guestPAT] = Self.resetPAT }
    self[.guestSysenterCS] = 0
    self[.guestSysenterESP] = 0
    self[.guestSysenterEIP] = 0
    self[.guestInterruptibility] = 0
    self[.guestActivity] = 0
    self[.guestPendingDebug] = 0
    self[.entryInterruption] = 0
    hasQueuedEvent = false
    self[.cr0Mask] = isShadowed ? .max : ~guestOwnedCR0
    self[.cr4Mask] = isShadowed ? .max : ~guestOwnedCR4
    setCR4(state.cr4)
    setCR0(state.cr0, efer: state.efer)
    flushTranslations()
  }
}

/// Where a core's task-state segment is.
enum TaskStateSegment {
  /// The base in a 16-byte system descriptor (SDM Vol. 3A, 8.2.3).
  static func base(inGDT gdt: UInt64, selector: UInt64) -> UInt64 {
    let low = readMMIO64(gdt + selector)
    let high = readMMIO64(gdt + selector + 8)
    return low >> 16 & 0xFF_FFFF | low >> 32 & 0xFF00_0000 | high << 32
  }
}
