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
    self[.guestEFER] = efer
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

  /// MOV to CR0 by the guest; false for #GP (SDM Vol. 2B, MOV—Move to/from Control Registers).
  mutating func writeGuestCR0(_ value: UInt64) -> Bool {
    let hasPaging = value & CR0.paging != 0
    guard value >> 32 == 0,
      !hasPaging || value & CR0.protectionEnable != 0,
      value & CR0.notWriteThrough == 0 || value & CR0.cacheDisable != 0
    else { return false }
    let efer = self[.guestEFER]
    let turnsOn = hasPaging && cr0 & CR0.paging == 0
    if turnsOn && efer & EFER.longModeEnable != 0 {
      let isLong = self[.guestAccessRights(SegmentRegister.cs.rawValue)] & 1 << 13 != 0
      // A 16-bit TSS in TR cannot be taken along (SDM Vol. 3A, 10.8.5.2).
      let isTask64 = self[.guestAccessRights(SegmentRegister.tr.rawValue)] & 0xF == 0xB
      guard cr4 & CR4.physicalAddressExtension != 0, !isLong, isTask64 else { return false }
    }
    if turnsOn && efer & EFER.longModeEnable == 0 && cr4 & CR4.physicalAddressExtension != 0 {
      guard loadPagingEntries() else { return false }
    }
    if !hasPaging && cr0 & CR0.paging != 0 {
      let isLong = self[.guestAccessRights(SegmentRegister.cs.rawValue)] & 1 << 13 != 0
      guard !(efer & EFER.longModeActive != 0 && isLong), cr4 & CR4.pcid == 0 else { return false }
    }
    setCR0(value & CR0.defined | CR0.extensionType, efer: efer)
    flushTranslations()
    return true
  }

  /// MOV to CR4 by the guest; false for #GP.
  mutating func writeGuestCR4(_ value: UInt64) -> Bool {
    guard value & ~guestCR4Bits == 0 else { return false }
    let isLong = self[.guestEFER] & EFER.longModeActive != 0
    if isLong && value & CR4.physicalAddressExtension == 0 { return false }
    if value & CR4.pcid != 0 && cr4 & CR4.pcid == 0 {
      guard isLong, cr3 & 0xFFF == 0 else { return false }
    }
    if !isLong && value & CR4.physicalAddressExtension != 0 && cr0 & CR0.paging != 0 {
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
    switch ControlRegisterAccess(qualification: self[.exitQualification]) {
    case .write(register: 0, let source): isAllowed = writeGuestCR0(self[source])
    case .write(register: 4, let source): isAllowed = writeGuestCR4(self[source])
    case .write(register: 8, let source): return .writeTPR(self[source])
    case .read(register: 8, let destination): return .readTPR(into: destination)
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

  public mutating func writeControlRegister(_ number: UInt8, _ value: UInt64) -> Bool {
    switch number {
    case 0: writeGuestCR0(value)
    case 4: writeGuestCR4(value)
    default: false
    }
  }
}
