import Machine
import Memory
import VCPU

// What real mode allows and virtual-8086 mode does not, for a CPU that has to run the one as the other
// (Sources/VMX/VMXVirtualCPU+RealMode.swift).

extension GuestProcessor {
  /// Carries out the instruction that has raised #GP if real mode allows it; else the guest gets its #GP.
  mutating func emulatePrivilegedInstruction(
    _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) {
    let bytes = try fetchInstruction(.bits16, vm)
    guard let instruction = try? Instruction(bytes, codeSize: .bits16) else {
      return raise(ExceptionVector.generalProtection, errorCode: 0)
    }
    switch instruction {
    case .fixed(let operation, let length):
      guard carryOut(operation, length: length, vm) else {
        return raise(ExceptionVector.generalProtection, errorCode: 0)
      }
    case .port(let instruction): try carryOut(instruction, vm)
    case .system(let instruction): try carryOutInRealMode(instruction, vm)
    case .memory: raise(ExceptionVector.generalProtection, errorCode: 0)
    }
  }

  /// False for #GP.
  private mutating func carryOut(
    _ operation: FixedInstruction, length: Int, _ vm: borrowing VirtualMachine<Host>
  ) -> Bool {
    var halts = false
    switch operation {
    case .hlt: halts = prepareHalt()
    case .rdmsr: guard readMSR(vm) else { return false }
    case .wrmsr: guard writeMSR(vm) else { return false }
    case .xsetbv: guard setXCR(vm) else { return false }
    case .wbinvd, .invd: break
    case .pause, .cpuid, .rdtsc, .rdtscp, .rdpmc, .vmcall, .vmmcall: return false
    }
    hardware.skipInstruction(length: length)
    if halts { activity = .halted }
    return true
  }

  private mutating func carryOut(
    _ instruction: PortInstruction, _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) {
    counters.port &+= 1
    guard instruction.memory == nil else { return try emulateStringAccess(vm) }
    let port =
      switch instruction.port {
      case .immediate(let port): UInt16(port)
      case .dx: UInt16(truncatingIfNeeded: hardware[.rdx])
      }
    let access = PortAccess(
      port: port, width: Int(instruction.width), isInput: instruction.isInput, isString: false,
      isRepeated: false)
    guard let width = Platform.PortWidth(rawValue: UInt16(access.width)) else {
      throw .unsupported("a port instruction of this kind")
    }
    transfer(access, width, vm)
    hardware.skipInstruction(length: instruction.length)
  }

  private mutating func carryOutInRealMode(
    _ instruction: SystemInstruction, _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) {
    switch instruction.operation {
    case .interrupt(let vector):
      // Its handler returns to the instruction behind it.
      hardware.instructionPointer &+= UInt64(instruction.length)
      return hardware.inject(.interrupt(vector))
    case .loadDescriptorTable(let isInterrupt, let operand, let baseWidth):
      // Without paging.
      let place = GuestPhysicalAddress(linearAddress(of: operand, length: instruction.length).value)
      let limit = UInt16(truncatingIfNeeded: try read(place, width: 2, vm))
      let base = try read(place + 2, width: 4, vm)
      hardware.loadDescriptorTable(
        DescriptorTable(base: baseWidth == 3 ? base & 0xFF_FFFF : base, limit: limit),
        isInterrupt: isInterrupt)
    case .moveToDebug(let number, let source):
      guard let number = accessibleDebugRegister(number) else { return }
      let value = hardware[source] & 0xFFFF_FFFF
      hardware[debugRegister: number] = number == 7 ? value | 1 << 10 : value
    case .moveFromDebug(let number, let destination):
      guard let number = accessibleDebugRegister(number) else { return }
      hardware[destination] = hardware[debugRegister: number]
    default: return try carryOut(instruction, vm)
    }
    hardware.skipInstruction(length: instruction.length)
  }

  /// The register that a number stands for; nil where the guest gets an exception instead (SDM Vol. 3B, 18.2.2 and
  /// 18.2.4).
  private mutating func accessibleDebugRegister(_ number: UInt8) -> UInt8? {
    if number & ~1 == 4 && hardware.cr4 & CR4.debuggingExtensions != 0 {
      raise(ExceptionVector.invalidOpcode)
      return nil
    }
    let detectsAccess: UInt64 = 1 << 13
    if hardware[debugRegister: 7] & detectsAccess != 0 {
      hardware[debugRegister: 7] &= ~detectsAccess
      hardware[debugRegister: 6] |= detectsAccess
      raise(ExceptionVector.debug)
      return nil
    }
    return number & ~1 == 4 ? number + 2 : number
  }
}
