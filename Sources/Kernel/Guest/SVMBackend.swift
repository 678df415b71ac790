import CPU
import EPT
import Firmware
import Machine
import Memory
import SVM
import VCPU

extension SVMVirtualCPU: GeneralRegisterFile {}

/// AMD-V, with nested paging or on shadow tables.
struct SVMBackend: Backend {
  static var name: StaticString { "AMD-V" }

  private let capabilities: SVMCapabilities
  private let ioPermissionMap: HostPhysicalAddress
  private let msrPermissionMap: HostPhysicalAddress
  private let passesTSCAuxiliary: Bool
  let isShadowed: Bool
  let format: NPTFormat

  /// Whether the CPU is one of those that have AMD-V, on or off.
  static var isOffered: Bool {
    cpuid(0x8000_0000, 0).eax >= 0x8000_0001 && cpuid(0x8000_0001, 0).ecx & 1 << 2 != 0
  }

  /// - Parameter processor: what the guest is told of it.
  init(
    _ paging: KernelOptions.Paging, isDistributed: Bool, _ processor: GuestCPUID
  ) throws(BackendError) {
    do {
      capabilities = try SVMCapabilities.read()
    } catch {
      throw BackendError(advice: error.advice)
    }
    guard capabilities.hasNestedPaging || paging != .nested else {
      throw BackendError(advice: SVMError.noNestedPaging.advice)
    }
    isShadowed = Self.isShadowed(capabilities, paging, isDistributed)
    let features = cpuid(0x8000_0001, 0).edx
    passesTSCAuxiliary = processor.hasTSCAuxiliary
    let width = cpuid(0x8000_0008, 0).eax & 0xFF
    format = NPTFormat(
      has1GPages: features & 1 << 26 != 0, physicalAddressWidth: UInt8(truncatingIfNeeded: width))
    ioPermissionMap = try Self.allocateFrames(PermissionMaps.ioPages)
    PermissionMaps.fillPorts(ioPermissionMap)
    msrPermissionMap = try Self.allocateFrames(PermissionMaps.msrPages)
    let passed = GuestMSRs.passed
    PermissionMaps.fillMSRs(
      msrPermissionMap,
      passing: passed.span.extracting(first: GuestMSRs.passedCount(hasTSCAuxiliary: passesTSCAuxiliary)))
    // Without nested paging the PAT is the host's.
    if isShadowed { PermissionMaps.interceptMSR(MSRIndex.pageAttributeTable, in: msrPermissionMap) }
  }

  private static func isShadowed(
    _ capabilities: SVMCapabilities, _ paging: KernelOptions.Paging, _ isDistributed: Bool
  ) -> Bool {
    // The processor's own walk of the guest's page tables counts as a write to them (APM Vol. 2, 15.25.5): nodes could
    // never share one.
    !capabilities.hasNestedPaging || paging == .shadow || (paging == .auto && isDistributed)
  }

  static func isShadowed(_ paging: KernelOptions.Paging, isDistributed: Bool) -> Bool {
    guard let capabilities = try? SVMCapabilities.read() else { return false }
    return isShadowed(capabilities, paging, isDistributed)
  }

  static func hostCPUID(_ paging: KernelOptions.Paging, isDistributed: Bool) -> MaskedHostCPUID {
    MaskedHostCPUID(hiding: isShadowed(paging, isDistributed: isDistributed) ? .ofShadowPaging : [])
  }

  func enableOnThisCore() throws(BackendError) {
    let area = try Self.allocateFrames(2)
    IdentityMemory.clear(area, count: 2 * pageSize)
    SVMCore.enable(area: area)
  }

  func makeProcessor(
    index: Int, root: HostPhysicalAddress, cr4: UInt64, xcr0: UInt64, timeOffset: UInt64,
    pagingEntries: @escaping (UInt64) -> InlineArray<4, UInt64>?, words: GuestWords
  ) throws(BackendError) -> SVMVirtualCPU {
    let frames = SVMVirtualCPU.Frames(
      vmcb: try Self.allocateFrame(), registers: try Self.allocateFrame(),
      extendedState: try Self.allocateFrame())
    // A core runs one vCPU at a time and drops its translations at each change, so ASIDs may repeat.
    let asid = 1 + UInt32(index) % (max(capabilities.asidCount, 2) - 1)
    return SVMVirtualCPU(
      capabilities: capabilities, frames: frames,
      shared: SVMVirtualCPU.Shared(
        root: isShadowed ? nil : root, ioPermissionMap: ioPermissionMap, msrPermissionMap: msrPermissionMap,
        guestCR4Bits: cr4,
        offeredXCR0: xcr0, timeOffset: timeOffset, passesTSCAuxiliary: passesTSCAuxiliary), asid: asid)
  }

  static func exitName(_ reason: UInt64) -> StaticString? { SVMExitCode.name(reason) }

  private static func allocateFrames(_ count: Int) throws(BackendError) -> HostPhysicalAddress {
    do {
      return try Frames.allocateContiguous(pages: count)
    } catch {
      throw BackendError(advice: "no adjacent frames of memory are left")
    }
  }
}
