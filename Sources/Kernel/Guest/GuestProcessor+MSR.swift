import CPU
import Machine
import VCPU

extension GuestProcessor {
  mutating func executeRDMSR(_ vm: borrowing VirtualMachine<Host>) {
    guard readMSR(vm) else { return raise(ExceptionVector.generalProtection, errorCode: 0) }
    skipInstruction(vm)
  }

  mutating func executeWRMSR(_ vm: borrowing VirtualMachine<Host>) {
    guard writeMSR(vm) else { return raise(ExceptionVector.generalProtection, errorCode: 0) }
    skipInstruction(vm)
  }

  /// What RDMSR does before RIP moves on; false for #GP.
  @inline(__always)
  mutating func readMSR(_ vm: borrowing VirtualMachine<Host>) -> Bool {
    counters.readMSR &+= 1
    let index = UInt32(truncatingIfNeeded: hardware[.rcx])
    do {
      let value = try readMSR(index, vm)
      hardware[.rax] = value & 0xFFFF_FFFF
      hardware[.rdx] = value >> 32
      return true
    } catch {
      logUnknown(
        "vCPU \(self.index): read of unknown MSR \(hex: index) at \(hex: hardware.instructionPointer)")
      return false
    }
  }

  /// What WRMSR does before RIP moves on; false for #GP.
  @inline(__always)
  mutating func writeMSR(_ vm: borrowing VirtualMachine<Host>) -> Bool {
    counters.writeMSR &+= 1
    let index = UInt32(truncatingIfNeeded: hardware[.rcx])
    let value = hardware[.rdx] << 32 | hardware[.rax] & 0xFFFF_FFFF
    do {
      try writeMSR(index, value, vm)
      return true
    } catch {
      logUnknown(
        "vCPU \(self.index): refused write of \(hex: value) to MSR \(hex: index) at \(hex: hardware.instructionPointer)"
      )
      return false
    }
  }

  private mutating func readMSR(
    _ index: UInt32, _ vm: borrowing VirtualMachine<Host>
  ) throws(GeneralProtection) -> UInt64 {
    switch registers.kind(of: index) {
    case .localAPIC: return try apic.readMSR(index, now: vm.now)
    case .extendedFeatures: return hardware.efer
    case .debugControl: return hardware.debugControl
    case .passThrough:
      guard let value = hardware.readPassedMSR(index) else { return try registers.read(index) }
      return value
    case .stored, .unknown: return try registers.read(index)
    }
  }

  private mutating func writeMSR(
    _ index: UInt32, _ value: UInt64, _ vm: borrowing VirtualMachine<Host>
  ) throws(GeneralProtection) {
    switch registers.kind(of: index) {
    case .localAPIC: perform(try apic.writeMSR(index, value, now: vm.now), vm)
    case .extendedFeatures:
      let new = try registers.extendedFeatures(
        writing: value, current: hardware.efer, isPaging: hardware.cr0 & CR0.paging != 0)
      hardware.efer = new
      if unsafe shadow != nil { _ = setControls(controls, loadsCR3: false, vm) }
    case .debugControl: hardware.debugControl = try registers.debugControl(writing: value)
    case .passThrough:
      guard ModelSpecificRegisters.canHold(value, in: index) else { throw GeneralProtection() }
      if !hardware.writePassedMSR(index, value) { try registers.write(index, value) }
    case .stored, .unknown: try registers.write(index, value)
    }
  }

  /// Does what a write to the local APIC asks of the rest of the machine.
  mutating func perform(_ effect: LocalAPICEffect, _ vm: borrowing VirtualMachine<Host>) {
    switch effect {
    case .none: break
    case .send(let message): counters.remoteIPIs &+= UInt64(vm.deliver(message, from: index))
    case .endOfInterrupt(let vector): endInterrupt(vector, vm)
    case .addressingChanged: tellAddressing(vm)
    case .timeStampCounterChanged: hardware.timeOffset = apic.tscAdjust &- vm.startTime
    }
  }

  /// The first few of a vCPU's refused accesses; the counters have those to registers that do not exist.
  private mutating func logUnknown(_ line: LogLine) {
    guard refusedMSRLines < 16 else { return }
    refusedMSRLines += 1
    log.debug(line)
  }
}
