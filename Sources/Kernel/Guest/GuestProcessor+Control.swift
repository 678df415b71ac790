import EPT
import Machine
import Memory
import VCPU

// MOV to and from control registers, LMSW, SMSW, CLTS and INVLPG, as far as they make exits: CR4 and CR8 with a second
// level of hardware's, all that paging depends on with a virtual TLB.

extension GuestProcessor {
  /// Carries out an access that the CPU has decoded.
  mutating func access(_ access: ControlRegisterAccess, _ vm: borrowing VirtualMachine<Host>) {
    guard perform(access, vm) else { return raise(ExceptionVector.generalProtection, errorCode: 0) }
    skipInstruction(vm)
  }

  /// Carries out an access that the CPU leaves the decoding of to us.
  mutating func emulateControlInstruction(_ vm: borrowing VirtualMachine<Host>) throws(EmulationFailure) {
    guard hardware.privilegeLevel == 0 else { return try emulateUserInstruction(vm) }
    guard case .system(let instruction) = try decodeInstruction(vm) else {
      throw .unsupported("a control-register access of this kind")
    }
    try carryOut(instruction, vm)
  }

  /// The one such exit that a user's code can make is for SMSW, where there is no UMIP. What else stands there now was
  /// put there since by another vCPU, and is for the processor to judge.
  private mutating func emulateUserInstruction(_ vm: borrowing VirtualMachine<Host>) throws(EmulationFailure)
  {
    let bytes = try fetchInstruction(codeSize, vm)
    guard case .system(let instruction)? = try? Instruction(bytes, codeSize: codeSize),
      case .storeMachineStatus = instruction.operation
    else { throw .retry }
    try carryOut(instruction, vm)
  }

  mutating func carryOut(
    _ instruction: SystemInstruction, _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) {
    var isAllowed = true
    switch instruction.operation {
    case .moveToControl(let number, let source):
      isAllowed = perform(.write(register: number, from: source), vm)
    case .moveFromControl(let number, let destination):
      isAllowed = perform(.read(register: number, into: destination), vm)
    case .clearTaskSwitched: isAllowed = perform(.clearTaskSwitched, vm)
    case .loadMachineStatus(.register(let source)):
      isAllowed = perform(.loadStatusWord(UInt16(truncatingIfNeeded: hardware[source])), vm)
    case .loadMachineStatus(.memory(let operand)):
      let bytes = try places(ofWord: operand, length: instruction.length, .read, vm)
      let word = try read(bytes.low, width: 1, vm) | read(bytes.high, width: 1, vm) << 8
      isAllowed = perform(.loadStatusWord(UInt16(truncatingIfNeeded: word)), vm)
    case .storeMachineStatus(.register(let destination), let width):
      hardware[destination] = hardware.cr0.merged(into: hardware[destination], width: width)
    case .storeMachineStatus(.memory(let operand), _):
      let bytes = try places(ofWord: operand, length: instruction.length, .write, vm)
      try write(hardware.cr0 & 0xFF, to: bytes.low, width: 1, vm)
      try write(hardware.cr0 >> 8 & 0xFF, to: bytes.high, width: 1, vm)
    case .invalidatePage(let operand):
      invalidatePage(at: linearAddress(of: operand, length: instruction.length))
    case .moveToDebug, .moveFromDebug, .loadDescriptorTable, .interrupt:
      throw .unsupported("a control-register access of this kind")
    }
    guard isAllowed else { return raise(ExceptionVector.generalProtection, errorCode: 0) }
    hardware.skipInstruction(length: instruction.length)
  }

  /// Where the two bytes of an operand stand, which may be in two pages.
  private mutating func places(
    ofWord operand: MemoryOperand, length: Int, _ kind: GuestPageWalk.Access.Kind,
    _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) -> (low: GuestPhysicalAddress, high: GuestPhysicalAddress) {
    let low = linearAddress(of: operand, length: length)
    let high = low.value &+ 1
    return (
      try translate(low, kind, vm),
      try translate(GuestVirtualAddress(codeSize == .bits64 ? high : high & 0xFFFF_FFFF), kind, vm)
    )
  }

  /// False for #GP.
  private mutating func perform(
    _ access: ControlRegisterAccess, _ vm: borrowing VirtualMachine<Host>
  ) -> Bool {
    counters.controlRegister &+= 1
    switch access {
    case .write(register: 8, let source):
      guard hardware[source] < 16 else { return false }
      apic.taskPriorityClass = UInt8(hardware[source])
      return true
    case .write(register: 2, let source):
      hardware.cr2 = codeSize == .bits64 ? hardware[source] : hardware[source] & 0xFFFF_FFFF
      return true
    case .write(let number, let source): return writeControlRegister(number, hardware[source], vm)
    case .read(let number, let destination):
      hardware[destination] =
        switch number {
        case 0: hardware.cr0
        case 2: hardware.cr2
        case 3: hardware.cr3
        case 4: hardware.cr4
        default: UInt64(apic.taskPriorityClass)
        }
      return true
    case .clearTaskSwitched: return writeControlRegister(0, hardware.cr0 & ~CR0.taskSwitched, vm)
    case .loadStatusWord(let word):
      // LMSW sets PE and never clears it.
      return writeControlRegister(0, hardware.cr0 & ~0xE | UInt64(word & 0xF), vm)
    }
  }

  private mutating func writeControlRegister(
    _ number: UInt8, _ value: UInt64, _ vm: borrowing VirtualMachine<Host>
  ) -> Bool {
    guard unsafe shadow != nil else { return hardware.writeControlRegister(number, value) }
    var new = controls
    let value = codeSize == .bits64 ? value : value & 0xFFFF_FFFF
    let isValid =
      switch number {
      case 0: new.writeCR0(value, code: hardware[.cs], task: hardware[.tr])
      case 3: new.writeCR3(value, physicalAddressWidth: vm.walkProcessor.physicalAddressWidth)
      default: new.writeCR4(value, offered: offeredCR4)
      }
    return isValid && setControls(new, loadsCR3: number == 3, vm)
  }
}

extension UInt64 {
  /// What a register holds after its low `width` bytes were set to ours; four bytes clear the upper half.
  fileprivate func merged(into register: UInt64, width: UInt8) -> UInt64 {
    switch width {
    case 2: register & ~0xFFFF | self & 0xFFFF
    case 4: self & 0xFFFF_FFFF
    default: self
    }
  }
}
