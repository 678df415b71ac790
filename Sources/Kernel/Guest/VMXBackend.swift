import CPU
import EPT
import Firmware
import Machine
import Memory
import VCPU
import VMX

extension VMXVirtualCPU: GeneralRegisterFile {}

/// VT-x with EPT.
struct VMXBackend: Backend {
  private let capabilities: VMXCapabilities
  private let msrBitmap: HostPhysicalAddress
  let isShadowed = false
  let format: EPTFormat
  let hostCPUID: MaskedHostCPUID

  init(_ paging: KernelOptions.Paging) throws(BackendError) {
    guard paging != .shadow else { throw BackendError(advice: "paging=shadow: not on VT-x") }
    do {
      capabilities = try VMXCore.check()
    } catch {
      throw BackendError(advice: error.advice)
    }
    var hidden: HiddenFeatures = []
    if !capabilities.secondary.contains(.rdtscp) { hidden.insert(.rdtscp) }
    if !capabilities.secondary.contains(.invpcid) { hidden.insert(.invpcid) }
    hostCPUID = MaskedHostCPUID(hiding: hidden)
    let width = cpuid(0x8000_0008, 0).eax & 0xFF
    format = EPTFormat(
      capabilities: capabilities.translations, physicalAddressWidth: UInt8(truncatingIfNeeded: width))
    msrBitmap = try Self.allocateFrame()
    let passed = GuestMSRs.passed
    // Without RDTSCP there is no TSC_AUX, which is the list's last.
    let count = GuestMSRs.passedCount(hasTSCAuxiliary: capabilities.secondary.contains(.rdtscp))
    MSRBitmap.fill(msrBitmap, passing: passed.span.extracting(first: count))
  }

  func enableOnThisCore() throws(BackendError) {
    let region = try Self.allocateFrame()
    do {
      try VMXCore.enable(region: region)
    } catch {
      throw BackendError(advice: error.advice)
    }
  }

  func makeProcessor(
    index: Int, root: HostPhysicalAddress, cr4: UInt64, xcr0: UInt64, timeOffset: UInt64,
    pagingEntries: @escaping (UInt64) -> InlineArray<4, UInt64>?
  ) throws(BackendError) -> VMXVirtualCPU {
    let pointer: EPTPointer
    do {
      pointer = try EPTPointer(root: root, capabilities: capabilities.translations)
    } catch {
      throw BackendError(advice: VMXError.noEPTWriteBack.advice)
    }
    let frames = VMXVirtualCPU.Frames(
      vmcs: try Self.allocateFrame(), registers: try Self.allocateFrame(),
      extendedState: try Self.allocateFrame())
    return VMXVirtualCPU(
      capabilities: capabilities, frames: frames,
      shared: VMXVirtualCPU.Shared(
        eptPointer: pointer, msrBitmap: msrBitmap, guestCR4Bits: cr4, offeredXCR0: xcr0,
        timeOffset: timeOffset,
        pagingEntries: pagingEntries),
      vpid: UInt16(index + 1))
  }

  static func exitName(_ reason: UInt64) -> StaticString? {
    ExitReason.name(UInt32(truncatingIfNeeded: reason))
  }
}
