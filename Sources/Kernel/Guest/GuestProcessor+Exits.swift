import CPU
import Coherence
import EPT
import Machine
import Memory
import Node
import VCPU

extension GuestProcessor {
  /// Does what an exit asks for.
  @inline(__always)
  mutating func handle(_ exit: VCPUExit, _ vm: borrowing VirtualMachine<Host>) {
    switch exit {
    case .cpuid: executeCPUID(vm)
    case .readMSR: executeRDMSR(vm)
    case .writeMSR: executeWRMSR(vm)
    case .port(let access): executePortAccess(access, vm)
    case .violation(let violation, let address): resolve(violation, at: address, vm)
    case .pageFault(let address, let errorCode): resolvePageFault(at: address, errorCode, vm)
    case .hostInterrupt:
      counters.hostInterrupt &+= 1
      takePendingInterrupts()
    case .timeOver: counters.timeOver &+= 1
    case .interruptWindow, .nmiWindow: counters.window &+= 1
    case .exceptionReflected: counters.other &+= 1
    case .halt:
      let halts = prepareHalt()
      skipInstruction(vm)
      if halts { activity = .halted }
    default: handleRare(exit, vm)
    }
  }

  /// What HLT does before RIP moves on; whether it halts.
  @inline(__always)
  mutating func prepareHalt() -> Bool {
    counters.halt &+= 1
    // With IF clear only an NMI, INIT or the machine's end wakes it (SDM Vol. 2A, HLT).
    wakesOnInterrupt = hardware.flags & RFLAGS.interrupt != 0
    // A single-step trap that is due after the HLT wakes it at once.
    return hardware.flags & RFLAGS.trap == 0
  }

  @inline(never)
  private mutating func handleRare(_ exit: VCPUExit, _ vm: borrowing VirtualMachine<Host>) {
    switch exit {
    case .controlRegister, .controlInstruction, .invalidatePage: break  // have counters of their own
    default: counters.other &+= 1
    }
    switch exit {
    case .controlInstruction:
      do {
        try emulateControlInstruction(vm)
      } catch {
        settle(error, vm)
      }
    case .privilegedInstruction:
      do {
        try emulatePrivilegedInstruction(vm)
      } catch {
        settle(error, vm)
      }
    case .realModeProblem(let problem): fail("\(problem.summary)", vm)
    case .controlRegister(let access): self.access(access, vm)
    case .invalidatePage(let address):
      invalidatePage(at: address)
      skipInstruction(vm)
    case .setXCR: executeXSETBV(vm)
    case .cacheControl: skipInstruction(vm)
    case .singleStep: logStep()
    case .missingInstruction: raise(ExceptionVector.invalidOpcode)
    case .protectionFault: raise(ExceptionVector.generalProtection, errorCode: 0)
    case .tripleFault: fail("triple fault", vm)
    case .entryFailed(let failure): reportEntryFailure(failure, vm)
    case .unexpected(let reason):
      if let name = Host.exitName(reason) {
        fail("unexpected exit: \(name)", vm)
      } else {
        fail("unexpected exit: reason \(reason)", vm)
      }
    default: break
    }
  }

  private mutating func logStep() {
    log.info("vCPU \(index): next instruction at \(hex: hardware[.cs].base &+ hardware.instructionPointer)")
    stepsLeft -= 1
    hardware.isSingleStepping = stepsLeft > 0
  }

  /// Moves past the instruction that made the exit, decoding it where the CPU does not say how long it is.
  @inline(__always)
  mutating func skipInstruction(_ vm: borrowing VirtualMachine<Host>) {
    if let length = hardware.exitInstructionLength {
      hardware.skipInstruction(length: length)
    } else {
      skipDecodedInstruction(vm)
    }
  }

  mutating func raise(_ vector: UInt8, errorCode: UInt32? = nil) {
    hardware.inject(.exception(vector, errorCode: errorCode))
  }

  /// Ends the virtual machine because of what this vCPU did; says where it was.
  mutating func fail(_ reason: LogLine, _ vm: borrowing VirtualMachine<Host>) {
    activity = .stopped
    // What comes after the end follows from it.
    guard vm.ended == nil else { return }
    log.error("guest stopped: vCPU \(index): \(line: reason)")
    logState()
    vm.end(.fault)
  }

  /// The registers that say most about what a guest was doing.
  func logState() {
    let code = hardware[.cs]
    log.error(
      "  rip \(hex: code.selector, digits: 4):\(hex: hardware.instructionPointer, digits: 16)  rflags \(hex: hardware.flags, digits: 8)  rsp \(hex: hardware[.rsp], digits: 16)"
    )
    log.error(
      "  rax \(hex: hardware[.rax], digits: 16)  rbx \(hex: hardware[.rbx], digits: 16)  rcx \(hex: hardware[.rcx], digits: 16)"
    )
    log.error(
      "  rdx \(hex: hardware[.rdx], digits: 16)  rsi \(hex: hardware[.rsi], digits: 16)  rdi \(hex: hardware[.rdi], digits: 16)"
    )
    log.error(
      "  cr0 \(hex: hardware.cr0, digits: 8)  cr3 \(hex: hardware.cr3, digits: 16)  cr4 \(hex: hardware.cr4, digits: 8)  efer \(hex: hardware.efer, digits: 4)"
    )
  }

  /// A state that the CPU does not enter stops this vCPU; the others go on.
  private mutating func reportEntryFailure(_ failure: EntryFailure, _ vm: borrowing VirtualMachine<Host>) {
    activity = .stopped
    log.error(
      "vCPU \(index) halted: VM entry refused, \(failure.isInstructionError ? "instruction error" : "exit reason") \(failure.code), qualification \(hex: failure.qualification)"
    )
    hardware.explain(failure) { name, value in log.error("  \(name) \(hex: value)") }
    logState()
    vm.processorStopped()
  }

  private mutating func executeCPUID(_ vm: borrowing VirtualMachine<Host>) {
    counters.cpuid &+= 1
    let leaf = UInt32(truncatingIfNeeded: hardware[.rax])
    // CR4 shows in the feature leaves alone, and costs three VMREADs. XCR0 is in the core: QEMU 7.2 has no
    // intercept for XSETBV under AMD-V.
    let context = CPUIDContext(
      apicID: apic.id, coresInPackage: UInt32(vm.processorCount), isLocalAPICEnabled: apic.mode != .disabled,
      cr4: leaf == 1 || leaf == 7 ? hardware.cr4 : 0, xcr0: leaf == 0xD ? readXCR0() : 1)
    let result = vm.cpuidPolicy.registers(
      leaf: leaf, subleaf: UInt32(truncatingIfNeeded: hardware[.rcx]), host: vm.processor,
      vCPU: context)
    hardware[.rax] = UInt64(result.eax)
    hardware[.rbx] = UInt64(result.ebx)
    hardware[.rcx] = UInt64(result.ecx)
    hardware[.rdx] = UInt64(result.edx)
    skipInstruction(vm)
  }

  private mutating func executeXSETBV(_ vm: borrowing VirtualMachine<Host>) {
    guard setXCR(vm) else { return raise(ExceptionVector.generalProtection, errorCode: 0) }
    skipInstruction(vm)
  }

  /// What XSETBV does before RIP moves on; false for #GP.
  func setXCR(_ vm: borrowing VirtualMachine<Host>) -> Bool {
    let value = hardware[.rdx] << 32 | hardware[.rax] & 0xFFFF_FFFF
    guard hardware[.rcx] & 0xFFFF_FFFF == 0, vm.cpuidPolicy.isValid(xcr0: value) else { return false }
    writeXCR0(value)
    return true
  }

  private mutating func executePortAccess(_ access: PortAccess, _ vm: borrowing VirtualMachine<Host>) {
    counters.port &+= 1
    if access.isString {
      do {
        return try emulateStringAccess(vm)
      } catch {
        return settle(error, vm)
      }
    }
    guard let width = Platform.PortWidth(rawValue: UInt16(access.width)) else {
      return fail("port access of \(access.width) bytes", vm)
    }
    transfer(access, width, vm)
    skipInstruction(vm)
  }

  /// What IN and OUT do before RIP moves on.
  @inline(__always)
  mutating func transfer(
    _ access: PortAccess, _ width: Platform.PortWidth, _ vm: borrowing VirtualMachine<Host>
  ) {
    if access.isInput {
      let value = self.access(.reading(access.port, width), vm)
      hardware[.rax] = access.merging(value, into: hardware[.rax])
    } else {
      let value = UInt32(truncatingIfNeeded: hardware[.rax])
      _ = self.access(.writing(value, to: access.port, width), vm)
    }
  }

  /// A touch of memory that the second-level tables do not have: RAM gets its frame, or is acquired, the rest is a device
  /// or nothing.
  mutating func resolve(
    _ violation: SecondLevelViolation, at address: GuestPhysicalAddress, _ vm: borrowing VirtualMachine<Host>
  ) {
    if vm.isDistributed, vm.isRAM(address) {
      return acquire(address.page, violation.access.contains(.write) ? .write : .read, vm)
    }
    do {
      if unsafe try vm.space.pointee.resolve(address) != nil {
        counters.firstTouch &+= 1
        return
      }
    } catch {
      return fail("no memory for guest-physical \(address): \(error.summary)", vm)
    }
    guard !violation.isGuestPageWalk else { return fail("page table outside RAM at \(address)", vm) }
    do {
      try emulateMemoryAccess(to: address.page, vm)
    } catch {
      settle(error, vm)
    }
  }
}

extension PortAccess {
  /// What IN leaves in RAX: a byte or word replaces only its part, a doubleword clears the upper half.
  fileprivate func merging(_ value: UInt32, into register: UInt64) -> UInt64 {
    switch width {
    case 1: register & ~0xFF | UInt64(value & 0xFF)
    case 2: register & ~0xFFFF | UInt64(value & 0xFFFF)
    default: UInt64(value)
    }
  }
}
