import CPU
import VCPU

extension VMXVirtualCPU {
  /// CR0 bits that the guest changes without an exit.
  var guestOwnedCR0: UInt64 {
    (CR0.protectionEnable | CR0.monitorCoprocessor | CR0.emulation | CR0.taskSwitched | CR0.writeProtect
      | CR0.alignmentMask) & ~capabilities.cr0FixedToOne & ~capabilities.cr0FixedToZero
  }

  /// CR4 bits that the guest changes without an exit: those that its CPUID offers. PAE exits, because with
  /// PAE paging we load the PDPTEs; MCE is ours, since a machine check with it clear shuts the CPU down.
  var guestOwnedCR4: UInt64 {
    guestCR4Bits & ~CR4.physicalAddressExtension & ~CR4.machineCheck & ~capabilities.cr4FixedToOne
      & ~capabilities.cr4FixedToZero
  }

  /// Sets what the guest sees as CR0 and EFER, and what follows from them for the CPU.
  mutating func setCR0(_ value: UInt64, efer: UInt64) {
    self[.cr0ReadShadow] = value
    // CD and NW stay clear under the guest: memory types are EPT's business, and caches are coherent.
    let real = value & ~(CR0.cacheDisable | CR0.notWriteThrough)
    self[.guestCR0] = (real | capabilities.cr0FixedToOne | CR0.numericError) & ~capabilities.cr0FixedToZero
    var efer = efer & ~EFER.longModeActive
    var entry = capabilities.entry
    if value & CR0.paging != 0 && efer & EFER.longModeEnable != 0 {
      efer |= EFER.longModeActive
      entry.insert(.ia32eModeGuest)
    }
    if !isShadowed { self[.guestEFER] = efer }
    self[.entryControls] = UInt64(entry.rawValue)
  }

  mutating func setCR4(_ value: UInt64) {
    self[.cr4ReadShadow] = value
    self[.guestCR4] = (value | CR4.machineCheck | capabilities.cr4FixedToOne) & ~capabilities.cr4FixedToZero
  }

  /// PAE paging keeps the four PDPTEs in registers, which a change of CR0 or CR4 loads (SDM Vol. 3A, 4.4.1); false
  /// where one of them has a reserved bit set, which is #GP.
  private mutating func loadPagingEntries() -> Bool {
    guard let entries = pagingEntries(cr3) else { return false }
    for index in entries.indices { self[.guestPDPTE(UInt64(index))] = entries[index] }
    return true
  }

  private var controls: ControlRegisters {
    ControlRegisters(cr0: cr0, cr3: cr3, cr4: cr4, efer: self[.guestEFER])
  }

  /// MOV to CR0 by the guest; false for #GP.
  mutating func writeGuestCR0(_ value: UInt64) -> Bool {
    let old = controls
    var new = old
    guard new.writeCR0(value, code: self[.cs], task: self[.tr]) else { return false }
    if new.hasPageDirectoryPointers && !old.hasPageDirectoryPointers {
      guard loadPagingEntries() else { return false }
    }
    setCR0(new.cr0, efer: new.efer)
    flushTranslations()
    return true
  }

  /// MOV to CR4 by the guest; false for #GP.
  mutating func writeGuestCR4(_ value: UInt64) -> Bool {
    var new = controls
    guard new.writeCR4(value, offered: guestCR4Bits) else { return false }
    if new.hasPageDirectoryPointers {
      guard loadPagingEntries() else { return false }
    }
    setCR4(value)
    flushTranslations()
    return true
  }

  /// What MOV to CR0 and CR4 do to the TLB, where VPID keeps it over exits (SDM Vol. 3C, 29.4.3.1).
  func flushTranslations() {
    if capabilities.secondary.contains(.vpid) { _ = invvpid(1, UInt16(self[.vpid]), 0) }
  }

  /// Settles an exit for a control register; nil where the run loop has nothing to do with it.
  mutating func handleControlRegister() -> VCPUExit? {
    var isAllowed = true
    let access = ControlRegisterAccess(qualification: self[.exitQualification])
    if isShadowed { return .controlRegister(access) }
    switch access {
    case .write(register: 0, let source): isAllowed = writeGuestCR0(self[source])
    case .write(register: 4, let source): isAllowed = writeGuestCR4(self[source])
    case .write(register: 8, _), .read(register: 8, _): return .controlRegister(access)
    case .loadStatusWord(let word):
      let kept = cr0 & ~0xE
      isAllowed = writeGuestCR0(kept | UInt64(word & 0xF))
    case .clearTaskSwitched: isAllowed = writeGuestCR0(cr0 & ~CR0.taskSwitched)
    case .write, .read: return .unexpected(UInt64(ExitReason.controlRegister))
    }
    guard isAllowed else { return .protectionFault }
    skipInstruction(length: Int(truncatingIfNeeded: self[.exitInstructionLength]))
    return nil
  }

  public mutating func setControlRegisters(_ guest: ControlRegisters, running: ControlRegisters) {
    let old = guestControls
    guestControls = guest
    self[.guestCR3] = running.cr3
    // A switch between address spaces has nothing else.
    guard needsControls || old.cr0 != guest.cr0 || old.cr4 != guest.cr4 || old.efer != guest.efer else {
      return
    }
    needsControls = false
    let isReal = guest.cr0 & CR0.protectionEnable == 0
    if isReal && realMode == nil { enterRealMode() } else if !isReal { leaveRealMode() }
    setCR0(isReal ? running.cr0 & ~Self.hiddenCR0 : running.cr0, efer: running.efer)
    setCR4(isReal ? running.cr4 & ~Self.hiddenCR4 : running.cr4)
    self[.cr0ReadShadow] = guest.cr0
    self[.cr4ReadShadow] = guest.cr4
    loadSystemCallEnable()
  }

  /// EFER.SCE, which the core keeps for the guest on shadow tables.
  func loadSystemCallEnable() {
    let register: UInt32 = 0xC000_0080
    let current = CPU.readMSR(register)
    let wanted = current & ~EFER.systemCall | guestControls.efer & EFER.systemCall
    if wanted != current { CPU.writeMSR(register, wanted) }
  }

  public mutating func writeControlRegister(_ number: UInt8, _ value: UInt64) -> Bool {
    switch number {
    case 0: writeGuestCR0(value)
    case 4: writeGuestCR4(value)
    default: false
    }
  }
}
