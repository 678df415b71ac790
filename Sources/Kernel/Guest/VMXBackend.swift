import CPU
import EPT
import Firmware
import Machine
import Memory
import VCPU
import VMX

extension VMXVirtualCPU: GeneralRegisterFile {}

/// VT-x with EPT, or on shadow tables.
struct VMXBackend: Backend {
  static var name: StaticString { "VT-x" }

  private var capabilities: VMXCapabilities
  private let msrBitmap: HostPhysicalAddress
  let isShadowed: Bool
  let format: EPTFormat

  /// - Parameter processor: what the guest is told of it. What that lacks need not work.
  init(_ paging: KernelOptions.Paging, _ processor: GuestCPUID) throws(BackendError) {
    do {
      capabilities = try Self.check(paging)
    } catch {
      throw BackendError(advice: error.advice)
    }
    isShadowed = capabilities.isShadowed
    if !processor.hasTSCAuxiliary { capabilities.secondary.remove(.rdtscp) }
    if !processor.hasINVPCID { capabilities.secondary.remove(.invpcid) }
    let width = cpuid(0x8000_0008, 0).eax & 0xFF
    // Behind shadow tables no processor reads them: they may have what is best for us.
    format = EPTFormat(
      capabilities: isShadowed ? [.page2M, .page1G] : capabilities.translations,
      physicalAddressWidth: UInt8(truncatingIfNeeded: width))
    msrBitmap = try Self.allocateFrame()
    let passed = GuestMSRs.passed
    // Without RDTSCP there is no TSC_AUX, which is the list's last.
    let count = GuestMSRs.passedCount(hasTSCAuxiliary: capabilities.secondary.contains(.rdtscp))
    MSRBitmap.fill(msrBitmap, passing: passed.span.extracting(first: count))
    // On shadow tables the PAT is the host's.
    if isShadowed { MSRBitmap.intercept(MSRIndex.pageAttributeTable, in: msrBitmap) }
  }

  private static func check(_ paging: KernelOptions.Paging) throws(VMXError) -> VMXCapabilities {
    do throws(VMXError) {
      return try VMXCore.check(isShadowed: paging == .shadow)
    } catch {
      guard paging == .auto && error.leavesShadowTables else { throw error }
      return try VMXCore.check(isShadowed: true)
    }
  }

  static func isShadowed(_ paging: KernelOptions.Paging, isDistributed: Bool) -> Bool {
    (try? check(paging))?.isShadowed ?? false
  }

  static func hostCPUID(_ paging: KernelOptions.Paging, isDistributed: Bool) -> MaskedHostCPUID {
    guard let capabilities = try? check(paging) else { return MaskedHostCPUID(hiding: []) }
    var hidden: HiddenFeatures = capabilities.isShadowed ? .ofShadowPaging : []
    if !capabilities.secondary.contains(.rdtscp) { hidden.insert(.rdtscp) }
    if !capabilities.secondary.contains(.invpcid) { hidden.insert(.invpcid) }
    return MaskedHostCPUID(hiding: hidden)
  }

  func enableOnThisCore() throws(BackendError) {
    let region = try Self.allocateFrame()
    do {
      try VMXCore.enable(region: region, isShadowed: isShadowed)
    } catch {
      throw BackendError(advice: error.advice)
    }
  }

  func makeProcessor(
    index: Int, root: HostPhysicalAddress, cr4: UInt64, xcr0: UInt64, timeOffset: UInt64,
    pagingEntries: @escaping (UInt64) -> InlineArray<4, UInt64>?, words: GuestWords
  ) throws(BackendError) -> VMXVirtualCPU {
    var pointer: EPTPointer?
    do {
      if !isShadowed { pointer = try EPTPointer(root: root, capabilities: capabilities.translations) }
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
        pagingEntries: pagingEntries, words: words),
      vpid: UInt16(index + 1))
  }

  static func exitName(_ reason: UInt64) -> StaticString? {
    ExitReason.name(UInt32(truncatingIfNeeded: reason))
  }
}
