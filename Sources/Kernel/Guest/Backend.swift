import CPU
import EPT
import Firmware
import Machine
import Memory
import VCPU

/// A vendor's hardware virtualisation, as the kernel sets it up; `VirtualCPU` is how it is used.
protocol Backend {
  associatedtype Processor: VirtualCPU & GeneralRegisterFile & ~Copyable
  associatedtype Format: PageTableFormat

  /// What the processor's vendor calls it.
  static var name: StaticString { get }

  /// What the guest's second-level tables look like.
  var format: Format { get }
  /// Whether vCPUs run on shadow tables, and the second-level tables are for us alone.
  var isShadowed: Bool { get }
  /// Whether they would, on a processor that can run guests at all.
  static func isShadowed(_ paging: KernelOptions.Paging, isDistributed: Bool) -> Bool
  /// What a guest's CPUID may show of this processor's, on which guests need not be able to run at all.
  static func hostCPUID(_ paging: KernelOptions.Paging, isDistributed: Bool) -> MaskedHostCPUID

  /// Turns virtualisation on for the calling core.
  func enableOnThisCore() throws(BackendError)

  /// Makes vCPU number `index`, in the state after RESET. `root` is that of the second-level tables. The guest may set `cr4` and `xcr0` in those registers;
  /// its TSC is the host's plus `timeOffset`.
  func makeProcessor(
    index: Int, root: HostPhysicalAddress, cr4: UInt64, xcr0: UInt64, timeOffset: UInt64,
    pagingEntries: @escaping (UInt64) -> InlineArray<4, UInt64>?, words: GuestWords
  ) throws(BackendError) -> Processor

  /// The vendor's name for an exit, for reports.
  static func exitName(_ reason: UInt64) -> StaticString?
}

extension Backend {
  /// A zeroed frame that the back end keeps for good.
  static func allocateFrame() throws(BackendError) -> HostPhysicalAddress {
    do {
      return try Frames.allocate4K()
    } catch {
      throw BackendError(advice: "no frame of memory is left")
    }
  }
}

/// MSRs that the guest uses without an exit: what the CPU switches by itself, and what stays in the core
/// (`ResidentState`). TSC_AUX, the last, exists only with RDTSCP.
enum GuestMSRs {
  static let passed: InlineArray<12, UInt32> = [
    MSRIndex.sysenterCS, MSRIndex.sysenterESP, MSRIndex.sysenterEIP, MSRIndex.pageAttributeTable,
    MSRIndex.star, MSRIndex.lstar, MSRIndex.cstar, MSRIndex.flagMask, MSRIndex.fsBase, MSRIndex.gsBase,
    MSRIndex.kernelGSBase, MSRIndex.tscAuxiliary,
  ]
}

extension GuestMSRs {
  /// How many of the list a guest uses without an exit.
  static func passedCount(hasTSCAuxiliary: Bool) -> Int { hasTSCAuxiliary ? passed.count : passed.count - 1 }
}

/// Why guests cannot be run, in words for the log.
struct BackendError: Error {
  var advice: StaticString
}

/// Features of the host's that a back end keeps from the guest's CPUID.
struct HiddenFeatures: OptionSet {
  let rawValue: UInt8

  /// And RDPID, which has the same control.
  static let rdtscp = Self(rawValue: 1 << 0)
  static let invpcid = Self(rawValue: 1 << 1)
  static let pcid = Self(rawValue: 1 << 2)

  /// What a virtual TLB does not have: its translations carry no PCID.
  static let ofShadowPaging: Self = [.invpcid, .pcid]
}

/// The host's CPUID without the features whose controls the back end does not have.
struct MaskedHostCPUID: HostCPUID {
  private let hidden: HiddenFeatures
  private let highestBasic = cpuid(0, 0).eax
  private let highestExtended = cpuid(0x8000_0000, 0).eax

  init(hiding hidden: HiddenFeatures) { self.hidden = hidden }

  func registers(leaf: UInt32, subleaf: UInt32) -> CPUIDRegisters {
    guard leaf <= (leaf < 0x8000_0000 ? highestBasic : highestExtended) else { return CPUIDRegisters() }
    var registers = Self.read(leaf, subleaf)
    if leaf == 1 && hidden.contains(.pcid) { registers.ecx &= ~(1 << 17) }
    if leaf == 7 && subleaf == 0 {
      if hidden.contains(.invpcid) { registers.ebx &= ~CPUIDFeatures.invpcid }
      if hidden.contains(.rdtscp) { registers.ecx &= ~CPUIDFeatures.processorIdentifier }
    }
    if leaf == 0x8000_0001 && hidden.contains(.rdtscp) { registers.edx &= ~CPUIDFeatures.rdtscp }
    return registers
  }

  private static func read(_ leaf: UInt32, _ subleaf: UInt32) -> CPUIDRegisters {
    let raw = cpuid(leaf, subleaf)
    return CPUIDRegisters(eax: raw.eax, ebx: raw.ebx, ecx: raw.ecx, edx: raw.edx)
  }
}
