import CPU
import Coherence
import EPT
import Machine
import Memory
import VCPU

// A guest on shadow tables: each vCPU has a virtual TLB (Sources/EPT/VirtualTLB), whose tables its processor walks
// instead of the guest's own. Only the vCPU's own core touches it. What others take away in the second level they
// announce (`VirtualMachine.shootDown`), and wait for the core's answer.

/// The frames that a virtual TLB lives in.
struct ShadowFrames: ShadowMemory {
  /// Frames for each vCPU of a node with so much memory. A third of them are tables, and a table translates up to 2 MiB: so there
  /// are as many as translate most of that memory once; 2,048 frames are enough for the page tables of a dozen busy processes.
  static func count(memorySize: UInt64) -> Int { Int(min(max(memorySize / (192 * pageSize), 512), 2048)) }

  let base: HostPhysicalAddress
  let frameCount: Int

  static func allocate(_ count: Int) throws(OutOfFrames) -> ShadowFrames {
    // Outside long mode CR3 has 32 bits.
    ShadowFrames(base: try Frames.allocateContiguous(pages: count, below: 1 << 32), frameCount: count)
  }

  @inline(__always)
  func read(_ index: Int) -> UInt64 { readMMIO64(base.value &+ UInt64(truncatingIfNeeded: index) &* 8) }

  @inline(__always)
  mutating func write(_ word: UInt64, at index: Int) {
    writeMMIO64(base.value &+ UInt64(truncatingIfNeeded: index) &* 8, word)
  }
}

extension GuestRAM: SecondLevelMemory {
  /// Gives RAM its frame first where it has none.
  func translate(_ address: GuestPhysicalAddress) -> Mapping? { mapping(of: address) }

  mutating func exchange(_ update: GuestPageWalk.EntryUpdate) -> EntryExchange {
    var result = EntryExchange.notWritable
    do {
      try withMapping(of: update.location, for: .read) { mapping in
        guard mapping.permissions.contains(.write) else { return }
        let place = mapping.host.value
        if update.width == 4 {
          let entry = UInt32(truncatingIfNeeded: update.entry)
          let wanted = entry | UInt32(truncatingIfNeeded: update.bits)
          result = compareExchange32(place, entry, wanted) ? .done : .entryChanged
        } else {
          result = compareExchange64(place, update.entry, update.entry | update.bits) ? .done : .entryChanged
        }
      }
    } catch {
      return .notWritable
    }
    return result
  }
}

extension GuestProcessor {
  /// How the guest has set up translation.
  func pageWalk(
    _ controls: ControlRegisters, _ pointers: InlineArray<4, UInt64>, _ vm: borrowing VirtualMachine<Host>
  ) -> GuestPageWalk {
    GuestPageWalk(
      cr0: controls.cr0, cr3: controls.cr3, cr4: controls.cr4, efer: controls.efer,
      processor: vm.walkProcessor, pageDirectoryPointers: pointers)
  }

  /// The page-directory pointers that a load of CR3 takes from memory; nil where they cannot be read, or cannot be.
  mutating func readPageDirectoryPointers(
    cr3: UInt64, _ vm: borrowing VirtualMachine<Host>
  ) -> InlineArray<4, UInt64>? {
    let processor = vm.walkProcessor
    let read = try? accessing(.read, vm) { (ram) throws(GuestMemoryError) -> InlineArray<4, UInt64>? in
      do throws(GuestPageWalk.PointerFailure) {
        return try GuestPageWalk.pageDirectoryPointers(cr3: cr3, processor: processor, memory: &ram)
      } catch {
        if case .memory(let failure) = error { throw failure }
        return nil
      }
    }
    return read.flatMap { $0 }
  }

  /// What the guest sees of its control registers.
  var controls: ControlRegisters {
    ControlRegisters(cr0: hardware.cr0, cr3: hardware.cr3, cr4: hardware.cr4, efer: hardware.efer)
  }

  /// Has the virtual TLB and the processor follow registers that a reset or the loader has set.
  mutating func resetShadow(_ vm: borrowing VirtualMachine<Host>) {
    guard let shadow = unsafe shadow else { return }
    var ram = vm.ram
    let walk = pageWalk(controls, InlineArray(repeating: 0), vm)
    unsafe shadow.pointee.setPaging(walk, memory: &ram)
    unsafe shadow.pointee.loadCR3(walk, memory: &ram)
    runOnShadow(controls)
  }

  /// Sets control registers as the guest has written them, unless they ask for page directory pointers that cannot
  /// be: false for #GP.
  mutating func setControls(_ new: ControlRegisters, loadsCR3: Bool, _ vm: borrowing VirtualMachine<Host>)
    -> Bool
  {
    guard let shadow = unsafe shadow else { return false }
    var pointers = unsafe shadow.pointee.paging.pageDirectoryPointers
    if new.hasPageDirectoryPointers && (loadsCR3 || new.reloadsPageDirectoryPointers(after: controls)) {
      guard let read = readPageDirectoryPointers(cr3: new.cr3, vm) else { return false }
      pointers = read
    }
    var ram = vm.ram
    let walk = pageWalk(new, pointers, vm)
    if loadsCR3 {
      unsafe shadow.pointee.loadCR3(walk, memory: &ram)
    } else {
      unsafe shadow.pointee.setPaging(walk, memory: &ram)
    }
    runOnShadow(new)
    return true
  }

  private mutating func runOnShadow(_ guest: ControlRegisters) {
    guard let shadow = unsafe shadow else { return }
    let registers = ShadowControlRegisters(guestCR0: guest.cr0, guestCR4: guest.cr4, guestEFER: guest.efer)
    hardware.setControlRegisters(
      guest,
      running: ControlRegisters(
        cr0: registers.cr0, cr3: unsafe shadow.pointee.rootAddress.value, cr4: registers.cr4,
        efer: registers.efer))
    settleInvalidation()
  }

  /// Whatever has touched the virtual TLB ends with this: the next entry finds no translation that is gone.
  mutating func settleInvalidation() {
    guard let shadow = unsafe shadow, unsafe shadow.pointee.pendingInvalidation == .required else { return }
    hardware.dropTranslations()
    unsafe shadow.pointee.completeInvalidation()
  }

  mutating func invalidatePage(at address: GuestVirtualAddress) {
    counters.invalidatedPage &+= 1
    dropShadow(of: address)
  }

  mutating func dropShadow(of address: GuestVirtualAddress) {
    guard let shadow = unsafe shadow else { return }
    unsafe shadow.pointee.invalidatePage(at: address)
    settleInvalidation()
  }

  /// Drops what this vCPU's core may have cached of the page that is being shot down.
  mutating func applyShootdown(_ vm: borrowing VirtualMachine<Host>) {
    guard let shadow = unsafe shadow else { return hardware.dropTranslations() }
    _ = unsafe shadow.pointee.secondLevelChanged(vm.shootdown.page, to: vm.shootdown.permissions)
    settleInvalidation()
  }

  /// Fills in what a page fault on the shadow table lacked, or gives the fault to the guest, whose it is.
  mutating func resolvePageFault(
    at address: GuestVirtualAddress, _ errorCode: GuestPageWalk.ErrorCode,
    _ vm: borrowing VirtualMachine<Host>
  ) {
    let outcome = fill(address, errorCode, vm)
    if outcome == .filledForOneInstruction { runOneInstruction(vm) } else { settle(outcome, vm) }
  }

  private mutating func fill(
    _ address: GuestVirtualAddress, _ errorCode: GuestPageWalk.ErrorCode, _ vm: borrowing VirtualMachine<Host>
  ) -> PageFaultOutcome {
    guard let shadow = unsafe shadow else {
      fail("page fault without a virtual TLB", vm)
      return .filled
    }
    var ram = vm.ram
    let outcome = unsafe shadow.pointee.handlePageFault(
      at: address, errorCode: errorCode, privilegeLevel: hardware.privilegeLevel,
      accessControl: hardware.flags & RFLAGS.alignmentCheck != 0, memory: &ram)
    settleInvalidation()
    return outcome
  }

  private mutating func settle(_ outcome: PageFaultOutcome, _ vm: borrowing VirtualMachine<Host>) {
    switch outcome {
    case .filled, .filledForOneInstruction: counters.shadowFill &+= 1
    case .guestFault(let code, let address):
      counters.guestPageFault &+= 1
      raisePageFault(code.rawValue, at: address, vm)
    case .violation(let violation, let address): resolve(violation, at: address, vm)
    }
  }

  /// How many page faults one instruction may take in a row while such a leaf stays: more than it has operands.
  private static var faultsPerInstruction: Int { 16 }

  /// Lets the guest execute the one instruction that a leaf has been filled in for, with no event before the next. The
  /// instruction may need more leaves, of that kind or not, before it can finish.
  private mutating func runOneInstruction(_ vm: borrowing VirtualMachine<Host>) {
    guard let shadow = unsafe shadow else { return }
    let wasStepping = hardware.isSingleStepping
    let hadTrap = hardware.flags & RFLAGS.trap != 0
    let debugStatus = hardware[debugRegister: 6]
    hardware.isSingleStepping = true
    var exit: VCPUExit
    var outcome = PageFaultOutcome.filledForOneInstruction
    var faults = 0
    repeat {
      counters.shadowFill &+= 1
      let now = readTSC()
      exit = hardware.run(from: now, until: now &+ node.clock.ticks(microseconds: 10_000))
      counters.guestTicks &+= readTSC() &- now
      guard case .pageFault(let address, let errorCode) = exit else { break }
      faults += 1
      outcome = fill(address, errorCode, vm)
    } while (outcome == .filled || outcome == .filledForOneInstruction) && faults < Self.faultsPerInstruction
    hardware.isSingleStepping = wasStepping
    var ram = vm.ram
    unsafe shadow.pointee.revalidate(memory: &ram)
    settleInvalidation()

    if hadTrap { hardware.flags |= RFLAGS.trap }
    switch exit {
    case .pageFault: settle(outcome, vm)
    case .singleStep where !wasStepping:
      // The trap was ours, unless the guest steps itself.
      hardware[debugRegister: 6] = hadTrap ? debugStatus | 1 << 14 : debugStatus
      if hadTrap { raise(ExceptionVector.debug) }
    default: handle(exit, vm)
    }
  }

  /// Raises #PF; where it comes in the middle of another event's delivery, what the two make together (SDM Vol. 3A,
  /// 6.15, table 6-5; APM Vol. 2, 8.2.9). CR2 is loaded in any case.
  private mutating func raisePageFault(
    _ errorCode: UInt32, at address: GuestVirtualAddress, _ vm: borrowing VirtualMachine<Host>
  ) {
    hardware.cr2 = address.value
    switch hardware.takeQueuedEvent() {
    case .interrupt(let vector): apic.withdraw(vector)
    case .nmi: hasPendingNMI = true
    case .exception(ExceptionVector.doubleFault, _): return fail("triple fault", vm)
    case .exception(ExceptionVector.pageFault, _): return raise(ExceptionVector.doubleFault, errorCode: 0)
    case .exception, nil: break
    }
    raise(ExceptionVector.pageFault, errorCode: errorCode)
  }
}
