import Assembly
import CPU
import EPT
import Memory
import VCPU

// One virtual CPU on VT-x.
//
// What the VMCS holds is read and written there, when it is needed: VMREAD and VMWRITE cost about as much
// as a memory access. The general registers are in `registers`, swapped by Boot/vmx.asm. Everything else
// that belongs to the guest stays in the core while this vCPU is loaded (`ResidentState`), CR2 and DR6 with it.
//
// Control registers: the guest owns the bits that are its own business; the rest (CR0.PG, NE, CD, NW; CR4
// bits that CPUID does not offer) exit and live in the read shadows. CR0.PG exits because it switches
// EFER.LMA and "IA-32e mode guest" with it.
//
// On shadow tables the guest owns no bit, every access to CR3 exits, and so do INVLPG and #PF; the run loop decides what
// the VMCS gets (`setControlRegisters`). The CPU may lack what came with EPT. So EFER stays in the core: an entry and an
// exit set its LMA and LME (27.3.2.1, 28.5.1), its NXE is the host's, and its SCE, which the host has no use for, the
// guest's. The PAT is the host's.
//
// An exit that interrupts the delivery of an event (an EPT violation on the guest's stack, say) has the event
// put back at once, so that the next entry delivers it again.

/// A virtual CPU on VT-x: its VMCS and the state that the VMCS does not hold.
@safe
public struct VMXVirtualCPU: VirtualCPU, ~Copyable {
  let capabilities: VMXCapabilities
  let vmcs: HostPhysicalAddress
  /// Nil on shadow tables.
  let eptPointer: EPTPointer?
  let registers: UnsafeMutablePointer<guest_registers>
  let guestCR4Bits: UInt64
  let pagingEntries: (UInt64) -> InlineArray<4, UInt64>?
  var processorControls: ProcessorControls
  var isLaunched = false
  /// An event stands in the VM-entry interruption field.
  var hasQueuedEvent = false
  let isShadowed: Bool
  /// What the guest sees of CR3 and EFER, on shadow tables; else the VMCS has them.
  var guestControls = ControlRegisters(cr0: 0, cr3: 0, cr4: 0, efer: 0)
  /// The VMCS does not have the control registers yet that shadow tables need: since a reset, or a change of EFER.
  var needsControls = true
  /// Not nil while the guest is in real mode on a CPU without unrestricted guest.
  var realMode: RealModeState?
  /// IDTR's limit in real mode, while the VMCS has another.
  var realModeTableLimit: UInt16 = 0xFFFF
  var problem: RealModeProblem?
  let words: GuestWords
  var currentTimeOffset: UInt64 = 0
  var resident: ResidentState
  var parkedCR2: UInt64 = 0
  var parkedDR6: UInt64 = 0xFFFF_0FF0
  public var isSingleStepping = false {
    didSet { applySingleStepping() }
  }

  /// Frames that a vCPU keeps for good, all of them zeroed, 4 KiB each.
  public struct Frames {
    public var vmcs: HostPhysicalAddress
    public var registers: HostPhysicalAddress
    public var extendedState: HostPhysicalAddress

    public init(
      vmcs: HostPhysicalAddress, registers: HostPhysicalAddress, extendedState: HostPhysicalAddress
    ) {
      self.vmcs = vmcs
      self.registers = registers
      self.extendedState = extendedState
    }
  }

  /// What the vCPUs of one virtual machine share.
  public struct Shared {
    /// Nil for a guest on shadow tables.
    public var eptPointer: EPTPointer?
    /// A 4 KiB frame made by `MSRBitmap`.
    public var msrBitmap: HostPhysicalAddress
    /// CR4 bits that the guest's CPUID offers.
    public var guestCR4Bits: UInt64
    /// What the guest may set in XCR0.
    public var offeredXCR0: UInt64
    /// Guest TSC − host TSC, modulo 2⁶⁴.
    public var timeOffset: UInt64
    /// Reads the four PDPTEs at a guest's CR3 for PAE paging; nil where they are not in RAM.
    public var pagingEntries: (UInt64) -> InlineArray<4, UInt64>?
    public var words: GuestWords

    public init(
      eptPointer: EPTPointer?, msrBitmap: HostPhysicalAddress, guestCR4Bits: UInt64, offeredXCR0: UInt64,
      timeOffset: UInt64,
      pagingEntries: @escaping (UInt64) -> InlineArray<4, UInt64>?, words: GuestWords
    ) {
      self.eptPointer = eptPointer
      self.msrBitmap = msrBitmap
      self.guestCR4Bits = guestCR4Bits
      self.offeredXCR0 = offeredXCR0
      self.timeOffset = timeOffset
      self.pagingEntries = pagingEntries
      self.words = words
    }
  }

  /// Makes the vCPU and its VMCS, in the state after RESET. The calling core is the one that will load it
  /// first; `vpid` is not 0.
  public init(
    capabilities: VMXCapabilities, frames: Frames, shared: Shared, vpid: UInt16
  ) {
    self.capabilities = capabilities
    vmcs = frames.vmcs
    eptPointer = shared.eptPointer
    isShadowed = capabilities.isShadowed
    guestCR4Bits = shared.guestCR4Bits
    currentTimeOffset = shared.timeOffset
    pagingEntries = shared.pagingEntries
    words = shared.words
    processorControls = capabilities.processor
    unsafe registers = UnsafeMutablePointer(bitPattern: UInt(frames.registers.value))!
    let area = unsafe UnsafeMutableRawPointer(bitPattern: UInt(frames.extendedState.value))!
    let msrs = Self.residentMSRs
    let msrCount = capabilities.secondary.contains(.rdtscp) ? msrs.count : msrs.count - 1
    unsafe resident = ResidentState(
      area: area, offeredXCR0: shared.offeredXCR0, msrs: msrs.span.extracting(first: msrCount))
    VMXCore.writeRevision(capabilities.revision, to: vmcs)
    _ = vmclear(vmcs.value)
    _ = vmptrld(vmcs.value)
    writeControls(msrBitmap: shared.msrBitmap, vpid: vpid)
    reset(to: ArchitecturalState())
    _ = vmclear(vmcs.value)
  }

  // MARK: The seam's registers

  @inline(__always)
  public subscript(register: GeneralRegister) -> UInt64 {
    get { register == .rsp ? self[.guestRSP] : unsafe registers[general: register] }
    set {
      if register == .rsp {
        self[.guestRSP] = newValue
      } else {
        unsafe registers[general: register] = newValue
      }
    }
  }

  public subscript(segment: SegmentRegister) -> Segment {
    let index = segment.rawValue
    return Segment(
      selector: UInt16(truncatingIfNeeded: self[.guestSelector(index)]),
      attributes: UInt32(truncatingIfNeeded: self[.guestAccessRights(index)]),
      limit: UInt32(truncatingIfNeeded: self[.guestLimit(index)]), base: self[.guestBase(index)])
  }

  func set(_ register: SegmentRegister, to segment: Segment) {
    let index = register.rawValue
    self[.guestSelector(index)] = UInt64(segment.selector)
    self[.guestLimit(index)] = UInt64(segment.limit)
    self[.guestAccessRights(index)] = UInt64(segment.attributes)
    self[.guestBase(index)] = segment.base
  }

  public var instructionPointer: UInt64 {
    @inline(__always) get { self[.guestRIP] }
    @inline(__always) set { self[.guestRIP] = newValue }
  }
  public var cr0: UInt64 {
    let mask = self[.cr0Mask]
    return self[.guestCR0] & ~mask | self[.cr0ReadShadow] & mask
  }
  public var cr2: UInt64 {
    get { readCR2() }
    set { writeCR2(newValue) }
  }
  public var cr3: UInt64 { isShadowed ? guestControls.cr3 : self[.guestCR3] }
  public var privilegeLevel: UInt8 {
    realMode != nil ? 0 : UInt8(self[.guestAccessRights(SegmentRegister.ss.rawValue)] >> 5 & 3)
  }
  /// On shadow tables the virtual TLB has what the guest loaded.
  public var pageDirectoryPointers: InlineArray<4, UInt64>? {
    isShadowed
      ? nil : [self[.guestPDPTE(0)], self[.guestPDPTE(1)], self[.guestPDPTE(2)], self[.guestPDPTE(3)]]
  }
  public var cr4: UInt64 {
    let mask = self[.cr4Mask]
    return self[.guestCR4] & ~mask | self[.cr4ReadShadow] & mask
  }
  public var efer: UInt64 {
    get { isShadowed ? guestControls.efer : self[.guestEFER] }
    set {
      guard isShadowed else { return self[.guestEFER] = newValue }
      guestControls.efer = newValue
      needsControls = true
    }
  }
  public subscript(debugRegister number: UInt8) -> UInt64 {
    get {
      switch number {
      case 0: readDR0()
      case 1: readDR1()
      case 2: readDR2()
      case 3: readDR3()
      case 6: readDR6()
      default: self[.guestDR7]
      }
    }
    set {
      switch number {
      case 0: writeDR0(newValue)
      case 1: writeDR1(newValue)
      case 2: writeDR2(newValue)
      case 3: writeDR3(newValue)
      case 6: writeDR6(newValue)
      default: self[.guestDR7] = newValue
      }
    }
  }
  public var debugControl: UInt64 {
    get { self[.guestDebugControl] }
    set { self[.guestDebugControl] = newValue }
  }

  public var timeOffset: UInt64 {
    get { currentTimeOffset }
    set {
      currentTimeOffset = newValue
      self[.tscOffset] = newValue
    }
  }

  /// One VMCS field of this vCPU, which is the current one of its core.
  subscript(field: VMCSField) -> UInt64 {
    @inline(__always) get { vmread(field.encoding) }
    @inline(__always) nonmutating set { _ = vmwrite(field.encoding, newValue) }
  }
}
