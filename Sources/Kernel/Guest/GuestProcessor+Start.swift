import Firmware
import Machine
import Memory
import VCPU

extension GuestProcessor {
  /// Puts the boot vCPU where the loader wants it to start.
  mutating func start(_ initial: InitialState, _ vm: borrowing VirtualMachine<Host>) {
    var state = ArchitecturalState()
    state.instructionPointer = initial.rip
    state[.rsp] = initial.rsp
    state[.rax] = initial.rax
    state[.rbx] = initial.rbx
    state[.rsi] = initial.rsi
    state.cr0 = initial.cr0
    state.cr3 = initial.cr3
    state.cr4 = initial.cr4
    state.efer = initial.efer
    state.gdtr = DescriptorTable(base: InitialState.gdtBase.value, limit: InitialState.gdtLimit)
    state.idtr = DescriptorTable(base: 0, limit: 0)
    state[.cs] = Segment(descriptor: initial.codeDescriptor, selector: InitialState.codeSelector)
    let data = Segment(descriptor: InitialState.dataDescriptor, selector: InitialState.dataSelector)
    for register: SegmentRegister in [.ds, .es, .fs, .gs, .ss] { state[register] = data }
    state[.ldtr] = .unusable
    state[.tr] = Segment(selector: 0, attributes: 0x8B, limit: 0x67, base: 0)
    hardware.load()
    reset(to: state, vm)
    stepsLeft = node.options.debugStep
    if stepsLeft > 0 { hardware.isSingleStepping = true }
    if node.options.debugCrash == .entry {
      // Not allowed by VT-x (RFLAGS bit 1), and by AMD-V (the upper half of DR7).
      hardware.flags = 0
      hardware[debugRegister: 7] = 1 << 32
    }
    hardware.unload()
  }

  /// Sets every architectural register.
  mutating func reset(to state: ArchitecturalState, _ vm: borrowing VirtualMachine<Host>) {
    hardware.reset(to: state)
    resetShadow(vm)
  }
}

extension Segment {
  /// A flat code or data segment as its descriptor says (SDM Vol. 3A, figure 3-8); granularity is 4 KiB.
  init(descriptor: UInt64, selector: UInt16) {
    self.init(
      selector: selector, attributes: UInt32(truncatingIfNeeded: descriptor >> 40 & 0xF0FF), limit: .max,
      base: 0)
  }
}
