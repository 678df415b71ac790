import CPU
import Memory

/// VT-x on the calling core.
public enum VMXCore {
  /// Checks what the calling core offers, without changing anything but IA32_FEATURE_CONTROL where firmware
  /// left that open.
  public static func check(isShadowed: Bool) throws(VMXError) -> VMXCapabilities {
    guard cpuid(1, 0).ecx & 1 << 5 != 0 else { throw .notSupported }
    let control = VMXCapabilities.MSR.featureControl
    if let value = try VMXCapabilities.featureControlToWrite(CPU.readMSR(control)) {
      CPU.writeMSR(control, value)
    }
    return try VMXCapabilities(HardwareMSRs(), isShadowed: isShadowed)
  }

  /// Enters VMX root operation on the calling core; `region` is a 4 KiB frame that it keeps (SDM Vol. 3C,
  /// 24.7 and 25.11.5).
  public static func enable(region: HostPhysicalAddress, isShadowed: Bool) throws(VMXError) {
    let capabilities = try check(isShadowed: isShadowed)
    writeCR0(readCR0() | capabilities.cr0FixedToOne)
    writeCR4(readCR4() | capabilities.cr4FixedToOne)
    writeRevision(capabilities.revision, to: region)
    guard !vmxon(region.value) else { throw .enterFailed }
  }

  /// A VMCS or VMXON region starts with the revision that the CPU expects (25.2).
  static func writeRevision(_ revision: UInt32, to region: HostPhysicalAddress) {
    writeMMIO32(region.value, revision)
  }

  private struct HardwareMSRs: MSRReader {
    func read(_ index: UInt32) -> UInt64 { CPU.readMSR(index) }
  }
}
