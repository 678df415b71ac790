import CPU
import Memory

/// Why this CPU cannot run our guests by AMD-V, and what its owner can do about it.
public enum SVMError: Error, Equatable, Sendable {
  case notSupported
  case disabledByFirmware
  case noNestedPaging

  public var advice: StaticString {
    switch self {
    case .notSupported:
      "this CPU has neither VT-x nor AMD-V; under an emulator choose a CPU model or an accelerator that offers it"
    case .disabledByFirmware:
      "AMD-V is disabled by the firmware (VM_CR.SVMDIS); enable \"SVM Mode\" or \"Virtualization\" in its setup"
    case .noNestedPaging:
      "paging=nested: this CPU has AMD-V without nested paging; leave the option out"
    }
  }
}

/// What this CPU's AMD-V can do (CPUID 8000000AH; APM Vol. 3, E.4.9).
public struct SVMCapabilities: Equatable, Sendable {
  public let asidCount: UInt32
  public let hasNestedPaging: Bool
  public let hasNextRIP: Bool
  /// Whether TLB control can drop one ASID's translations alone.
  public let hasFlushByASID: Bool
  /// Whether exits for control registers and INVLPG tell the operand.
  public let hasDecodeAssists: Bool

  /// Bits of VM_CR (APM Vol. 2, 15.30.1) and EFER.
  public enum MSR {
    public static let control: UInt32 = 0xC001_0114
    public static let hostSaveArea: UInt32 = 0xC001_0117
    public static let efer: UInt32 = 0xC000_0080
    public static let disabled: UInt64 = 1 << 4
    public static let eferEnable: UInt64 = 1 << 12
  }

  /// - Parameters:
  ///   - features: ECX of CPUID 80000001H.
  ///   - ebx, edx: of CPUID 8000000AH.
  ///   - control: VM_CR.
  public init(features: UInt32, ebx: UInt32, edx: UInt32, control: UInt64) throws(SVMError) {
    guard features & 1 << 2 != 0 else { throw .notSupported }
    guard control & MSR.disabled == 0 else { throw .disabledByFirmware }
    asidCount = ebx
    hasNestedPaging = edx & 1 << 0 != 0
    hasNextRIP = edx & 1 << 3 != 0
    hasFlushByASID = edx & 1 << 6 != 0
    hasDecodeAssists = edx & 1 << 7 != 0
  }

  /// Those of the calling core.
  public static func read() throws(SVMError) -> SVMCapabilities {
    guard cpuid(0x8000_0000, 0).eax >= 0x8000_000A, cpuid(0x8000_0001, 0).ecx & 1 << 2 != 0 else {
      throw .notSupported
    }
    let leaf = cpuid(0x8000_000A, 0)
    return try SVMCapabilities(
      features: cpuid(0x8000_0001, 0).ecx, ebx: leaf.ebx, edx: leaf.edx, control: CPU.readMSR(MSR.control))
  }
}

/// AMD-V on the calling core.
public enum SVMCore {
  /// Turns it on. `area` is two adjacent frames that the core keeps: what VMRUN saves of the host, and after it what
  /// VMLOAD restores.
  public static func enable(area: HostPhysicalAddress) {
    CPU.writeMSR(
      SVMCapabilities.MSR.efer, CPU.readMSR(SVMCapabilities.MSR.efer) | SVMCapabilities.MSR.eferEnable)
    CPU.writeMSR(SVMCapabilities.MSR.hostSaveArea, area.value)
    vmsave(hostState)
  }

  /// Where this core's VMSAVE area is.
  static var hostState: UInt64 { CPU.readMSR(SVMCapabilities.MSR.hostSaveArea) + pageSize }
}
