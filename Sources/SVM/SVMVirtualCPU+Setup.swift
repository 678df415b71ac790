import Assembly
import CPU
import Memory
import VCPU

extension SVMVirtualCPU {
  static var resetPAT: UInt64 { 0x0007_0406_0007_0406 }

  func writeControls(_ shared: Shared) {
    // CR8 in any case; beyond it CR4 alone, or all that paging depends on.
    let paging: UInt32 = 1 << 0 | 1 << 3 | 1 << 4
    let reads: UInt32 = 1 << 8 | (isShadowed ? paging : 0)
    let writes: UInt32 = 1 << 8 | (isShadowed ? paging : 1 << 4)
    writeMMIO32(vmcb + VMCBOffset.interceptCR, reads | writes << 16)
    // As on VT-x: #MC for the host, #DB and #AC because a guest can make their delivery loop.
    var exceptions: UInt32 =
      1 << UInt32(ExceptionVector.machineCheck) | 1 << UInt32(ExceptionVector.debug)
      | 1 << UInt32(ExceptionVector.alignmentCheck)
    if isShadowed { exceptions |= 1 << UInt32(ExceptionVector.pageFault) }
    writeMMIO32(vmcb + VMCBOffset.interceptExceptions, exceptions)
    var first: Intercepts1 = [
      .interrupt, .nmi, .smi, .initialize, .rdpmc, .cpuid, .invd, .hlt, .invlpga, .ioPorts, .msrs,
      .taskSwitch,
      .shutdown,
    ]
    if isShadowed { first.insert(.invlpg) }
    writeMMIO32(vmcb + VMCBOffset.intercept1, first.rawValue)
    let second: Intercepts2 = [
      .vmrun, .vmmcall, .vmload, .vmsave, .stgi, .clgi, .skinit, .wbinvd, .monitor, .mwait, .xsetbv,
    ]
    writeMMIO32(vmcb + VMCBOffset.intercept2, second.rawValue)
    self[VMCBOffset.ioPermissionMap] = shared.ioPermissionMap.value
    self[VMCBOffset.msrPermissionMap] = shared.msrPermissionMap.value
    writeMMIO32(vmcb + VMCBOffset.asid, asid)
    self[VMCBOffset.virtualInterrupt] = Self.interruptMasking
    self[VMCBOffset.tscOffset] = shared.timeOffset
    if let root = shared.root {
      self[VMCBOffset.nestedControl] = 1
      self[VMCBOffset.nestedCR3] = root.value
    }
  }

  public mutating func load() {
    unsafe registers.pointee.host = SVMCore.hostState
    resident.restore()
    flushTranslations()
  }

  public mutating func unload() { resident.park() }

  public mutating func dropTranslations() { flushTranslations() }

  /// Everything that this ASID has in the TLB goes at the next entry; that of all ASIDs, where the CPU cannot choose
  /// (APM Vol. 2, 15.16.1).
  func flushTranslations() {
    writeMMIO32(vmcb + VMCBOffset.tlbControl, capabilities.hasFlushByASID ? 3 : 1)
  }

  public mutating func setControlRegisters(_ guest: ControlRegisters, running: ControlRegisters) {
    guestControls = guest
    // Memory types are our business, and caches are coherent.
    self[VMCBOffset.cr0] = running.cr0 & ~(CR0.cacheDisable | CR0.notWriteThrough)
    self[VMCBOffset.cr3] = running.cr3
    self[VMCBOffset.cr4] = running.cr4
    self[VMCBOffset.efer] = running.efer | SVMCapabilities.MSR.eferEnable
  }

  public mutating func reset(to state: ArchitecturalState) {
    for register in 0..<UInt8(16) {
      unsafe registers[general: GeneralRegister(register)] = state.general[Int(register)]
    }
    self[VMCBOffset.rsp] = state[.rsp]
    self[VMCBOffset.rip] = state.instructionPointer
    self[VMCBOffset.rflags] = state.flags
    for index in 0..<UInt8(SegmentRegister.count) {
      set(state.segments[Int(index)], at: VMCBOffset.segment(index))
    }
    loadDescriptorTable(state.gdtr, isInterrupt: false)
    loadDescriptorTable(state.idtr, isInterrupt: true)
    guestControls = ControlRegisters(cr0: state.cr0, cr3: state.cr3, cr4: state.cr4, efer: state.efer)
    self[VMCBOffset.cr0] = state.cr0
    self[VMCBOffset.cr2] = 0
    self[VMCBOffset.cr3] = state.cr3
    self[VMCBOffset.cr4] = state.cr4
    efer = state.efer
    for number in 0..<UInt8(4) { self[debugRegister: number] = 0 }
    self[VMCBOffset.dr6] = 0xFFFF_0FF0
    self[VMCBOffset.dr7] = 0x400
    self[VMCBOffset.pat] = Self.resetPAT
    self[VMCBOffset.debugControl] = 0
    writeMMIO32(vmcb + VMCBOffset.cpl & ~3, 0)
    // STAR, LSTAR, CSTAR, SFMASK, KernelGSBase, SYSENTER_CS, _ESP, _EIP
    for index in 0..<UInt64(8) { self[VMCBOffset.star + 8 * index] = 0 }
    self[VMCBOffset.interruptShadow] = 0
    self[VMCBOffset.eventInjection] = 0
    isNMIBlocked = false
    pendingIRET = nil
  }

  public mutating func loadDescriptorTable(_ table: DescriptorTable, isInterrupt: Bool) {
    set(
      Segment(selector: 0, attributes: 0, limit: UInt32(table.limit), base: table.base),
      at: isInterrupt ? VMCBOffset.idtr : VMCBOffset.gdtr)
  }

  private func set(_ segment: Segment, at offset: UInt64) {
    self[offset] =
      UInt64(segment.selector) | UInt64(Self.attributes(segment.attributes)) << 16 | UInt64(segment.limit)
      << 32
    self[offset + 8] = segment.base
  }

  /// The VMCB packs attributes: descriptor bits 40…47 in bits 0…7, 52…55 in bits 8…11 (APM Vol. 2, 15.5.1).
  static func attributes(_ rights: UInt32) -> UInt16 {
    guard rights & Segment.unusableBit == 0 else { return 0 }
    return UInt16(truncatingIfNeeded: rights & 0xFF | rights >> 4 & 0xF00)
  }

  static func accessRights(_ attributes: UInt16) -> UInt32 {
    let isPresent = attributes & 0x80 != 0
    return UInt32(attributes & 0xFF) | UInt32(attributes & 0xF00) << 4 | (isPresent ? 0 : Segment.unusableBit)
  }
}
