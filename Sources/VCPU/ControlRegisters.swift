/// CR0, CR3, CR4 and EFER: what decides how a processor translates addresses and which mode it is in.
///
/// The `write` methods are MOV to a control register as both vendors define it (SDM Vol. 2B, MOV—Move to/from
/// Control Registers; APM Vol. 3, MOV CRn): they return false for #GP(0), and then nothing has changed. The page
/// directory pointers of PAE paging, which such a MOV may load and which may make it fail, are the caller's.
public struct ControlRegisters: Equatable, Sendable {
  public var cr0: UInt64
  public var cr3: UInt64
  public var cr4: UInt64
  /// With LMA.
  public var efer: UInt64

  public init(cr0: UInt64, cr3: UInt64, cr4: UInt64, efer: UInt64) {
    self.cr0 = cr0
    self.cr3 = cr3
    self.cr4 = cr4
    self.efer = efer
  }

  public var isPaging: Bool { cr0 & CR0.paging != 0 }
  public var isLongMode: Bool { efer & EFER.longModeActive != 0 }

  /// Whether translation starts from four page-directory-pointer registers (SDM Vol. 3A, 4.4.1).
  public var hasPageDirectoryPointers: Bool {
    isPaging && cr4 & CR4.physicalAddressExtension != 0 && !isLongMode
  }

  /// Whether a change to these from `old` by other means than MOV to CR3 loads those registers (SDM Vol. 3A, 4.4.1).
  public func reloadsPageDirectoryPointers(after old: Self) -> Bool {
    let cr0Bits = CR0.cacheDisable | CR0.notWriteThrough | CR0.paging
    let cr4Bits = CR4.physicalAddressExtension | CR4.pageGlobal | CR4.pageSizeExtension | CR4.smep
    return !old.hasPageDirectoryPointers || (cr0 ^ old.cr0) & cr0Bits != 0 || (cr4 ^ old.cr4) & cr4Bits != 0
  }

  /// - Parameters:
  ///   - code: CS, which must not be 64-bit code when long mode begins or ends.
  ///   - task: TR, whose task state must have the format of 64-bit mode when long mode begins (SDM Vol. 3A, 10.8.5.2).
  public mutating func writeCR0(_ value: UInt64, code: Segment, task: Segment) -> Bool {
    let turnsOn = value & CR0.paging != 0 && !isPaging
    let turnsOff = value & CR0.paging == 0 && isPaging
    guard value >> 32 == 0,
      value & CR0.paging == 0 || value & CR0.protectionEnable != 0,
      value & CR0.notWriteThrough == 0 || value & CR0.cacheDisable != 0
    else { return false }
    if turnsOn && efer & EFER.longModeEnable != 0 {
      guard cr4 & CR4.physicalAddressExtension != 0, !code.isLong, task.attributes & 0xF == 0xB else {
        return false
      }
      efer |= EFER.longModeActive
    }
    if turnsOff {
      guard !(isLongMode && code.isLong), cr4 & CR4.pcid == 0 else { return false }
      efer &= ~EFER.longModeActive
    }
    cr0 = value & CR0.defined | CR0.extensionType
    return true
  }

  /// CR3 without PCIDs. Outside long mode a MOV has 32 bits.
  ///
  /// - Parameter physicalAddressWidth: MAXPHYADDR, in bits; those above are reserved.
  public mutating func writeCR3(_ value: UInt64, physicalAddressWidth: UInt64) -> Bool {
    guard !isLongMode || value >> physicalAddressWidth == 0 else { return false }
    cr3 = value
    return true
  }

  /// - Parameter offered: the bits whose features the guest's CPUID reports.
  public mutating func writeCR4(_ value: UInt64, offered: UInt64) -> Bool {
    guard value & ~offered == 0, !isLongMode || value & CR4.physicalAddressExtension != 0 else {
      return false
    }
    if value & CR4.pcid != 0 && cr4 & CR4.pcid == 0 {
      guard isLongMode, cr3 & 0xFFF == 0 else { return false }
    }
    cr4 = value
    return true
  }
}
