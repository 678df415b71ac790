import Machine

/// What the guest's CPUID is made of, off the stack of whoever passes it on.
@safe
struct GuestCPUID: HostCPUID {
  private let description: UnsafeMutablePointer<ProcessorDescription>

  init(_ description: ProcessorDescription) {
    unsafe self.description = .allocate(capacity: 1)
    unsafe self.description.initialize(to: description)
  }

  @inline(never)
  func registers(leaf: UInt32, subleaf: UInt32) -> CPUIDRegisters {
    unsafe description.pointee.registers(leaf: leaf, subleaf: subleaf)
  }
}
