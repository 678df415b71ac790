import Memory

@testable import EPT

/// A virtual TLB under test with the guest's RAM and the processor that walks its tables: a run loop that does what
/// the kernel's does.
final class VirtualTLBBench {
  enum Outcome: Equatable {
    case page(host: UInt64, typeIndex: UInt64 = 0)
    case guestFault(UInt32)
    case violation(PagePermissions, granted: PagePermissions, isGuestPageWalk: Bool, at: UInt64)
    case malformed(UInt64)
    case wrongAddress
    case endless
  }

  let ram: GuestRAM
  let frames: ShadowFrames
  var processor: ShadowProcessor
  var paging: GuestPaging
  var tlb: VirtualTLB<ArrayShadowMemory>
  /// Page faults that the processor has taken.
  var faults = 0

  init(_ ram: GuestRAM, _ paging: GuestPaging, frameCount: Int = 1024) throws {
    self.ram = ram
    self.paging = paging
    frames = ShadowFrames(frameCount: frameCount)
    processor = ShadowProcessor(frames: frames)
    tlb = try VirtualTLB(memory: ArrayShadowMemory(frames: frames), paging: paging.walk)
  }

  /// Has the guest carry out one access as an instruction of its own.
  func access(_ access: GuestAccess) -> Outcome {
    var isOneInstruction = false
    defer {
      if isOneInstruction {
        var guest = ArrayGuest(ram: ram)
        tlb.revalidate(memory: &guest)
      }
    }
    for _ in 0..<64 {
      flush()
      switch processor.access(access, root: tlb.rootAddress, paging.real) {
      case .hit(let host, let typeIndex): return .page(host: host.value, typeIndex: typeIndex)
      case .malformed(let entry): return .malformed(entry)
      case .fault(let code):
        faults += 1
        switch fault(access, code) {
        case .filled: break
        case .filledForOneInstruction: isOneInstruction = true
        case .guestFault(let code, let address):
          return address.value == access.address ? .guestFault(code.rawValue) : .wrongAddress
        case .violation(let violation, let address):
          return .violation(
            violation.access, granted: violation.permissions, isGuestPageWalk: violation.isGuestPageWalk,
            at: address.value)
        }
      }
    }
    return .endless
  }

  func fault(_ access: GuestAccess, _ code: UInt32) -> PageFaultOutcome {
    var guest = ArrayGuest(ram: ram)
    return tlb.handlePageFault(
      at: GuestVirtualAddress(access.address), errorCode: GuestPageWalk.ErrorCode(rawValue: code),
      privilegeLevel: access.privilegeLevel, accessControl: access.ac, memory: &guest)
  }

  /// What every entry to the guest begins with.
  func flush() {
    guard tlb.pendingInvalidation == .required else { return }
    processor.flush()
    tlb.completeInvalidation()
  }

  func loadCR3() {
    var guest = ArrayGuest(ram: ram)
    tlb.loadCR3(paging.walk, memory: &guest)
  }

  func setPaging() {
    var guest = ArrayGuest(ram: ram)
    tlb.setPaging(paging.walk, memory: &guest)
  }

  /// Tells the virtual TLB of a page's loss. If the guest executes meanwhile, a shootdown drops its translations at
  /// once, and else the next entry does.
  @discardableResult
  func secondLevelChanged(_ index: Int, isExecuting: Bool = false) -> Invalidation {
    let page = PageNumber(GuestRAM.address(index) >> 12)
    let invalidation = tlb.secondLevelChanged(page, to: ram.pages[index].permissions)
    if isExecuting, invalidation == .required {
      processor.flush()
      tlb.completeInvalidation()
    }
    return invalidation
  }
}
