import EPT
import Testing
import VCPU

@testable import VMX

/// Capability MSRs of a made-up CPU: everything is allowed, nothing demanded but what the SDM fixes.
private struct TableMSRs: MSRReader {
  var values: [UInt32: UInt64] = [
    0x480: 1 << 55 | 0x1234, 0x485: 5, 0x486: 0x8000_0021, 0x487: 0xFFFF_FFFF, 0x488: 0x2000,
    0x489: 0x3FF_FFFF,
    0x48B: 0xFFFF_FFFF_0000_0000, 0x48C: .max, 0x48D: 0xFFFF_FFFF_0000_0016, 0x48E: 0xFFFF_FFFF_0401_E172,
    0x48F: 0xFFFF_FFFF_0003_6DFB, 0x490: 0xFFFF_FFFF_0000_11FB,
  ]

  func read(_ index: UInt32) -> UInt64 { values[index] ?? 0 }

  /// The same CPU without a bit of the high half of a control's MSR.
  func without(_ bit: UInt32, of index: UInt32) -> Self {
    var copy = self
    copy.values[index]! &= ~(UInt64(bit) << 32)
    return copy
  }
}

@Suite struct VMXCapabilitiesTests {
  @Test func controlsAreWhatWeNeedAndWhatTheCPUDemands() throws {
    let capabilities = try VMXCapabilities(TableMSRs(), isShadowed: false)
    #expect(capabilities.revision == 0x1234)
    #expect(
      capabilities.pin.contains([.externalInterruptExiting, .nmiExiting, .virtualNMIs, .preemptionTimer]))
    #expect(capabilities.pin.rawValue & 0x16 == 0x16)
    #expect(capabilities.processor.rawValue & 0x0401_E172 == 0x0401_E172)
    #expect(capabilities.secondary.contains([.ept, .unrestrictedGuest, .vpid, .rdtscp]))
    #expect(!capabilities.entry.contains(.ia32eModeGuest))
    #expect(capabilities.timerShift == 5)
  }

  @Test func unrestrictedGuestFreesPagingAndProtection() throws {
    let capabilities = try VMXCapabilities(TableMSRs(), isShadowed: false)
    #expect(capabilities.cr0FixedToOne == 0x20)
  }

  @Test func whatIsMissingIsNamed() {
    var old = TableMSRs()
    old.values[0x480] = 0x1234
    var noINVEPT = TableMSRs()
    noINVEPT.values[0x48C] = EPTPointer.requirements.subtracting(.invept).rawValue
    let cases: [(TableMSRs, VMXError)] = [
      (old, .noTrueControls),
      (TableMSRs().without(1 << 31, of: 0x48E), .noEPT),
      (TableMSRs().without(1 << 1, of: 0x48B), .noEPT),
      (TableMSRs().without(1 << 7, of: 0x48B), .noUnrestrictedGuest),
      (noINVEPT, .noEPTWriteBack),
      (TableMSRs().without(1 << 5, of: 0x48D), .missingControl("pin-based")),
      (TableMSRs().without(1 << 28, of: 0x48E), .missingControl("processor-based")),
    ]
    for (msrs, error) in cases {
      #expect(throws: error) { try VMXCapabilities(msrs, isShadowed: false) }
      #expect(error.leavesShadowTables)
    }
  }

  @Test func whatIsOptionalMayBeMissing() throws {
    let capabilities = try VMXCapabilities(
      TableMSRs().without(1 << 6, of: 0x48D).without(1 << 5, of: 0x48B), isShadowed: false)
    #expect(!capabilities.pin.contains(.preemptionTimer))
    #expect(!capabilities.secondary.contains(.vpid))
  }

  @Test func virtualProcessorIDsNeedTheirInvalidation() throws {
    var msrs = TableMSRs()
    msrs.values[0x48C] = EPTPointer.requirements.rawValue
    #expect(try !VMXCapabilities(msrs, isShadowed: false).secondary.contains(.vpid))
  }

  @Test func shadowTablesMakeWhatPagingDependsOnExit() throws {
    let capabilities = try VMXCapabilities(TableMSRs(), isShadowed: true)
    #expect(capabilities.isShadowed)
    #expect(capabilities.processor.contains([.invlpgExiting, .cr3LoadExiting, .cr3StoreExiting]))
    #expect(capabilities.secondary.contains([.vpid, .rdtscp, .wbinvdExiting]))
    #expect(capabilities.secondary.isDisjoint(with: [.ept, .unrestrictedGuest, .invpcid]))
    #expect(capabilities.exit.isDisjoint(with: [.savePAT, .loadPAT, .saveEFER, .loadEFER]))
    #expect(capabilities.entry.isDisjoint(with: [.loadPAT, .loadEFER]))
    #expect(capabilities.cr0FixedToOne == 0x8000_0021)
  }

  @Test func shadowTablesNeedNothingThatCameWithEPT() throws {
    // A Core 2 of 2008 (Penryn).
    let msrs = TableMSRs(
      values: [
        0x480: 0x005A_0800_0000_000D, 0x481: 0x0000_003F_0000_0016, 0x482: 0xF7F9_FFFE_0401_E172,
        0x483: 0x0003_FFFF_0003_6DFF, 0x484: 0x0000_3FFF_0000_11FF, 0x485: 0x0004_03C0,
        0x486: 0x8000_0021, 0x487: 0xFFFF_FFFF, 0x488: 0x2000, 0x489: 0x4_67FF,
        0x48B: 0x0000_0041_0000_0000,
      ])
    #expect(throws: VMXError.noTrueControls) { try VMXCapabilities(msrs, isShadowed: false) }
    let capabilities = try VMXCapabilities(msrs, isShadowed: true)
    #expect(capabilities.secondary == .wbinvdExiting)
    #expect(capabilities.translations.isEmpty)
    #expect(!capabilities.hasMonitorTrapFlag)
    #expect(!capabilities.pin.contains(.preemptionTimer))
    #expect(capabilities.cr4FixedToOne == 0x2000)

    // One that has no secondary controls either: their MSR, 48BH, does not exist then.
    var older = msrs.without(1 << 31, of: 0x482)
    older.values[0x48B] = .max
    #expect(try VMXCapabilities(older, isShadowed: true).secondary.isEmpty)
  }

  @Test func shadowTablesDoNotHelpAgainstFirmware() {
    for error: VMXError in [.notSupported, .lockedOffByFirmware, .enterFailed] {
      #expect(!error.leavesShadowTables)
    }
  }

  @Test func firmwareHasTheLastWord() throws {
    #expect(try VMXCapabilities.featureControlToWrite(0) == 0b101)
    #expect(try VMXCapabilities.featureControlToWrite(0b101) == nil)
    #expect(throws: VMXError.lockedOffByFirmware) { try VMXCapabilities.featureControlToWrite(0b001) }
  }
}

@Suite struct VMXDecodingTests {
  @Test func controlRegisterAccessesAreDecoded() {
    #expect(ControlRegisterAccess(qualification: 0x304) == .write(register: 4, from: .rbx))
    #expect(ControlRegisterAccess(qualification: 0xF18) == .read(register: 8, into: .r15))
    #expect(ControlRegisterAccess(qualification: 0x20) == .clearTaskSwitched)
    #expect(ControlRegisterAccess(qualification: 0xABCD_0030) == .loadStatusWord(0xABCD))
  }

  @Test func portAccessesAreDecoded() {
    #expect(
      PortAccess(ioQualification: 0x03F8_0008)
        == PortAccess(port: 0x3F8, width: 1, isInput: true, isString: false, isRepeated: false))
    #expect(
      PortAccess(ioQualification: 0x0CFC_0033)
        == PortAccess(port: 0xCFC, width: 4, isInput: false, isString: true, isRepeated: true))
  }

  @Test func eventsAreEncodedAsTheManualHasThem() {
    #expect(InterruptionInformation(.externalInterrupt, vector: 0x31).rawValue == 0x8000_0031)
    #expect(
      InterruptionInformation(.hardwareException, vector: 14, hasErrorCode: true).rawValue == 0x8000_0B0E)
    #expect(InterruptionInformation(.nmi, vector: 2).rawValue == 0x8000_0202)
    #expect(InterruptionInformation(.softwareInterrupt, vector: 0x80).needsInstructionLength)
    #expect(!InterruptionInformation(.hardwareException, vector: 13).needsInstructionLength)
  }

  @Test func theBitmapHasFourParts() {
    #expect(MSRBitmap.place(of: 0x174, isWrite: false) == (0x2E, 0x10))
    #expect(MSRBitmap.place(of: 0x174, isWrite: true) == (2048 + 0x2E, 0x10))
    #expect(MSRBitmap.place(of: 0xC000_0102, isWrite: false) == (1024 + 0x20, 0x04))
    #expect(MSRBitmap.place(of: 0xC000_0102, isWrite: true) == (3072 + 0x20, 0x04))
  }

  @Test func aFailedEntryBlamesItsGroup() {
    func group(_ code: UInt32, _ isInstructionError: Bool) -> VMCSGroup? {
      VMXVirtualCPU.blamedGroup(
        EntryFailure(code: code, qualification: 0, isInstructionError: isInstructionError))
    }
    #expect(group(7, true) == .controls)
    #expect(group(8, true) == .hostState)
    #expect(group(33, false) == .guestState)
    #expect(group(5, true) == nil)
  }
}
