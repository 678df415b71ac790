import Assembly
import CPU
import EPT
import Memory
import VCPU

// One virtual CPU on AMD-V, with nested paging or on shadow tables.
//
// The VMCB is memory: its fields are read and written in place, and the CPU may cache none of them over a VMRUN,
// since the clean bits stay 0. With nested paging, what the guest does to CR0, CR2 and CR3 is its own affair. CR4 is
// looked at, so that nothing gets on that CPUID does not offer; CR8 is the local APIC's. On shadow tables the VMCB has
// other control registers than the guest, every access to them makes an exit, and so do #PF and INVLPG. The run loop
// decodes those instructions, like any whose length the CPU does not report (no next-RIP saving), unless the CPU
// does it (decode assists).

/// A virtual CPU on AMD-V: its VMCB and the state that the VMCB does not hold.
@safe
public struct SVMVirtualCPU: VirtualCPU, ~Copyable {
  let capabilities: SVMCapabilities
  let vmcb: UInt64
  let registers: UnsafeMutablePointer<guest_registers>
  let guestCR4Bits: UInt64
  let asid: UInt32
  let isShadowed: Bool
  /// What the guest sees of its control registers, on shadow tables; else the VMCB has them.
  var guestControls = ControlRegisters(cr0: 0, cr3: 0, cr4: 0, efer: 0)
  var resident: ResidentState
  /// Until the IRET that ends it, no further NMI gets in (APM Vol. 2, 15.20).
  var isNMIBlocked = false
  /// Where an IRET stands that unblocks NMIs once it has run.
  var pendingIRET: UInt64?
  public var isSingleStepping = false {
    didSet { applySingleStepping() }
  }

  /// Frames that a vCPU keeps for good, all of them zeroed, 4 KiB each.
  public struct Frames {
    public var vmcb: HostPhysicalAddress
    public var registers: HostPhysicalAddress
    public var extendedState: HostPhysicalAddress

    public init(
      vmcb: HostPhysicalAddress, registers: HostPhysicalAddress, extendedState: HostPhysicalAddress
    ) {
      self.vmcb = vmcb
      self.registers = registers
      self.extendedState = extendedState
    }
  }

  /// What the vCPUs of one virtual machine share.
  public struct Shared {
    /// Root of the nested page tables; nil for a guest on shadow tables.
    public var root: HostPhysicalAddress?
    public var ioPermissionMap: HostPhysicalAddress
    public var msrPermissionMap: HostPhysicalAddress
    /// CR4 bits that the guest's CPUID offers.
    public var guestCR4Bits: UInt64
    /// What the guest may set in XCR0.
    public var offeredXCR0: UInt64
    /// Guest TSC − host TSC, modulo 2⁶⁴.
    public var timeOffset: UInt64
    /// Whether TSC_AUX is one of the MSRs that the guest uses without an exit.
    public var passesTSCAuxiliary: Bool

    public init(
      root: HostPhysicalAddress?, ioPermissionMap: HostPhysicalAddress, msrPermissionMap: HostPhysicalAddress,
      guestCR4Bits: UInt64, offeredXCR0: UInt64, timeOffset: UInt64, passesTSCAuxiliary: Bool
    ) {
      self.root = root
      self.ioPermissionMap = ioPermissionMap
      self.msrPermissionMap = msrPermissionMap
      self.guestCR4Bits = guestCR4Bits
      self.offeredXCR0 = offeredXCR0
      self.timeOffset = timeOffset
      self.passesTSCAuxiliary = passesTSCAuxiliary
    }
  }

  private static let tscAuxiliary: InlineArray<1, UInt32> = [0xC000_0103]

  /// Makes the vCPU and its VMCB, in the state after RESET; `asid` is not 0.
  public init(capabilities: SVMCapabilities, frames: Frames, shared: Shared, asid: UInt32) {
    self.capabilities = capabilities
    vmcb = frames.vmcb.value
    guestCR4Bits = shared.guestCR4Bits
    self.asid = asid
    isShadowed = shared.root == nil
    unsafe registers = UnsafeMutablePointer(bitPattern: UInt(frames.registers.value))!
    let area = unsafe UnsafeMutableRawPointer(bitPattern: UInt(frames.extendedState.value))!
    let msrs = Self.tscAuxiliary
    unsafe resident = ResidentState(
      area: area, offeredXCR0: shared.offeredXCR0,
      msrs: msrs.span.extracting(first: shared.passesTSCAuxiliary ? 1 : 0))
    writeControls(shared)
    reset(to: ArchitecturalState())
  }

  // MARK: The seam's registers

  @inline(__always)
  public subscript(register: GeneralRegister) -> UInt64 {
    get { register == .rsp ? self[VMCBOffset.rsp] : unsafe registers[general: register] }
    set {
      if register == .rsp {
        self[VMCBOffset.rsp] = newValue
      } else {
        unsafe registers[general: register] = newValue
      }
    }
  }

  public subscript(segment: SegmentRegister) -> Segment {
    let offset = VMCBOffset.segment(segment.rawValue)
    let low = self[offset]
    return Segment(
      selector: UInt16(truncatingIfNeeded: low),
      attributes: Self.accessRights(UInt16(truncatingIfNeeded: low >> 16)),
      limit: UInt32(truncatingIfNeeded: low >> 32), base: self[offset + 8])
  }

  public var instructionPointer: UInt64 {
    @inline(__always) get { self[VMCBOffset.rip] }
    @inline(__always) set { self[VMCBOffset.rip] = newValue }
  }
  public var flags: UInt64 {
    get { self[VMCBOffset.rflags] }
    set { self[VMCBOffset.rflags] = newValue }
  }
  public var cr0: UInt64 { isShadowed ? guestControls.cr0 : self[VMCBOffset.cr0] }
  public var cr2: UInt64 {
    get { self[VMCBOffset.cr2] }
    set { self[VMCBOffset.cr2] = newValue }
  }
  public var cr3: UInt64 { isShadowed ? guestControls.cr3 : self[VMCBOffset.cr3] }
  public var cr4: UInt64 { isShadowed ? guestControls.cr4 : self[VMCBOffset.cr4] }
  public var efer: UInt64 {
    get { isShadowed ? guestControls.efer : self[VMCBOffset.efer] & ~SVMCapabilities.MSR.eferEnable }
    set {
      guestControls.efer = newValue
      guard !isShadowed else { return }
      self[VMCBOffset.efer] = newValue | SVMCapabilities.MSR.eferEnable
      flushTranslations()
    }
  }
  public var privilegeLevel: UInt8 { UInt8(truncatingIfNeeded: self[VMCBOffset.cpl & ~7] >> 24) }
  public subscript(debugRegister number: UInt8) -> UInt64 {
    get {
      switch number {
      case 0: readDR0()
      case 1: readDR1()
      case 2: readDR2()
      case 3: readDR3()
      case 6: self[VMCBOffset.dr6]
      default: self[VMCBOffset.dr7]
      }
    }
    set {
      switch number {
      case 0: writeDR0(newValue)
      case 1: writeDR1(newValue)
      case 2: writeDR2(newValue)
      case 3: writeDR3(newValue)
      case 6: self[VMCBOffset.dr6] = newValue
      default: self[VMCBOffset.dr7] = newValue
      }
    }
  }
  public var debugControl: UInt64 {
    get { self[VMCBOffset.debugControl] }
    set { self[VMCBOffset.debugControl] = newValue }
  }
  /// Nested paging reads the PDPTEs from memory each time (APM Vol. 2, 15.25.10). On shadow tables the virtual TLB has
  /// what the guest loaded.
  public var pageDirectoryPointers: InlineArray<4, UInt64>? { nil }

  public var timeOffset: UInt64 {
    get { self[VMCBOffset.tscOffset] }
    set { self[VMCBOffset.tscOffset] = newValue }
  }

  /// Eight bytes of the VMCB, where it stands identity-mapped.
  subscript(offset: UInt64) -> UInt64 {
    @inline(__always) get { readMMIO64(vmcb + offset) }
    @inline(__always) nonmutating set { writeMMIO64(vmcb + offset, newValue) }
  }
}
