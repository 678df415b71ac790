import Testing

@testable import VCPU

private let code32 = Segment(selector: 8, attributes: 0xC09B, limit: .max, base: 0)
private let code64 = Segment(selector: 8, attributes: 0xA09B, limit: .max, base: 0)
private let task32 = Segment(selector: 0, attributes: 0x8B, limit: 0x67, base: 0)
private let task16 = Segment(selector: 0, attributes: 0x83, limit: 0x67, base: 0)

@Suite struct ControlRegistersTests {
  private let paging = CR0.paging | CR0.protectionEnable

  /// Protected mode without paging.
  private func registers(cr4: UInt64 = 0, efer: UInt64 = 0) -> ControlRegisters {
    ControlRegisters(cr0: CR0.protectionEnable | CR0.extensionType, cr3: 0, cr4: cr4, efer: efer)
  }

  private var longMode: ControlRegisters {
    var registers = registers(cr4: CR4.physicalAddressExtension, efer: EFER.longModeEnable)
    let isAllowed1 = registers.writeCR0(paging, code: code32, task: task32)
    #expect(isAllowed1)
    return registers
  }

  @Test func pagingWithLongModeEnabledBeginsLongMode() {
    #expect(longMode.isLongMode)
    #expect(!longMode.hasPageDirectoryPointers)
    #expect(longMode.cr0 & CR0.extensionType != 0)
  }

  @Test func longModeBeginsOnlyWithPAEFromCodeOf32BitsWithATaskOf32Bits() {
    var noPAE = registers(efer: EFER.longModeEnable)
    let isAllowed2 = noPAE.writeCR0(paging, code: code32, task: task32)
    #expect(!isAllowed2)
    #expect(noPAE == registers(efer: EFER.longModeEnable))
    var ready = registers(cr4: CR4.physicalAddressExtension, efer: EFER.longModeEnable)
    let isAllowed3 = ready.writeCR0(paging, code: code64, task: task32)
    #expect(!isAllowed3)
    let isAllowed4 = ready.writeCR0(paging, code: code32, task: task16)
    #expect(!isAllowed4)
    #expect(!ready.isLongMode)
  }

  @Test func pagingEndsLongModeOnlyFromCompatibilityMode() {
    var registers = longMode
    let isAllowed5 = registers.writeCR0(CR0.protectionEnable, code: code64, task: task32)
    #expect(!isAllowed5)
    #expect(registers == longMode)
    let isAllowed6 = registers.writeCR0(CR0.protectionEnable, code: code32, task: task32)
    #expect(isAllowed6)
    #expect(registers.efer == EFER.longModeEnable)
  }

  @Test func combinationsThatCR0DoesNotHaveFault() {
    var registers = registers()
    for value in [CR0.paging, CR0.notWriteThrough | CR0.protectionEnable, 1 << 32 | CR0.protectionEnable] {
      let isAllowed7 = registers.writeCR0(value, code: code32, task: task32)
      #expect(!isAllowed7)
    }
    let isAllowed8 = registers.writeCR0(1 << 6 | CR0.protectionEnable, code: code32, task: task32)
    #expect(isAllowed8)
    #expect(registers.cr0 & 1 << 6 == 0, "reserved bits read 0")
  }

  @Test func PAEWithoutLongModeHasPageDirectoryPointers() {
    var registers = registers(cr4: CR4.physicalAddressExtension)
    let isAllowed9 = registers.writeCR0(paging, code: code32, task: task32)
    #expect(isAllowed9)
    #expect(registers.hasPageDirectoryPointers)
  }

  @Test func pageDirectoryPointersAreLoadedWherePagingChanges() {
    let cr4 = CR4.physicalAddressExtension
    let old = ControlRegisters(cr0: paging, cr3: 0, cr4: cr4, efer: 0)
    var new = old
    new.cr0 |= CR0.taskSwitched | CR0.writeProtect
    #expect(!new.reloadsPageDirectoryPointers(after: old))
    new = old
    new.efer = EFER.noExecute
    #expect(!new.reloadsPageDirectoryPointers(after: old))
    for bit in [CR4.pageGlobal, CR4.pageSizeExtension, CR4.smep] {
      new = ControlRegisters(cr0: paging, cr3: 0, cr4: cr4 | bit, efer: 0)
      #expect(new.reloadsPageDirectoryPointers(after: old))
    }
    #expect(old.reloadsPageDirectoryPointers(after: registers(cr4: cr4)))
  }

  @Test func CR4TakesWhatIsOfferedAndKeepsPAEInLongMode() {
    var registers = longMode
    let offered = CR4.physicalAddressExtension | CR4.pageGlobal
    let isAllowed10 = registers.writeCR4(CR4.pageGlobal, offered: offered)
    #expect(!isAllowed10)
    let isAllowed11 = registers.writeCR4(offered | CR4.smep, offered: offered)
    #expect(!isAllowed11)
    let isAllowed12 = registers.writeCR4(offered, offered: offered)
    #expect(isAllowed12)
    #expect(registers.cr4 == offered)
  }

  @Test func PCIDsBeginInLongModeWithPCIDZero() {
    let offered = CR4.physicalAddressExtension | CR4.pcid
    var short = registers(cr4: CR4.physicalAddressExtension)
    let isAllowed13 = short.writeCR4(offered, offered: offered)
    #expect(!isAllowed13)
    var long = longMode
    long.cr3 = 0x1001
    let isAllowed14 = long.writeCR4(offered, offered: offered)
    #expect(!isAllowed14)
    long.cr3 = 0x1000
    let isAllowed15 = long.writeCR4(offered, offered: offered)
    #expect(isAllowed15)
    let isAllowed16 = long.writeCR0(CR0.protectionEnable, code: code32, task: task32)
    #expect(!isAllowed16, "paging stays while there are PCIDs")
  }

  @Test func CR3HasPhysicalAddressesInLongMode() {
    var registers = longMode
    let isAllowed17 = registers.writeCR3(1 << 40, physicalAddressWidth: 40)
    #expect(!isAllowed17)
    let isAllowed18 = registers.writeCR3(1 << 39, physicalAddressWidth: 40)
    #expect(isAllowed18)
    #expect(registers.cr3 == 1 << 39)
  }

  @Test func whatMakesADoubleFaultWithAGeneralProtectionFault() {
    let vectors = (0..<UInt8(32)).filter(ExceptionVector.isContributoryOrPageFault)
    #expect(vectors == [0, 10, 11, 12, 13, 14])
  }
}
