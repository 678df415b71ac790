/// The processor under the guest, as CPUID tells of it.
///
/// A feature whose instructions fault in a guest unless a control of the back end is on (RDTSCP, INVPCID, …)
/// must be absent here where that control is.
public protocol HostCPUID {
  /// All zeros above the processor's highest leaf.
  func registers(leaf: UInt32, subleaf: UInt32) -> CPUIDRegisters
}

extension HostCPUID {
  /// Whether there is IA32_TSC_AUX, which RDTSCP and RDPID read (SDM Vol. 4).
  public var hasTSCAuxiliary: Bool {
    registers(leaf: 0x8000_0001, subleaf: 0).edx & CPUIDFeatures.rdtscp != 0
      || registers(leaf: 7, subleaf: 0).ecx & CPUIDFeatures.processorIdentifier != 0
  }

  public var hasGigabytePages: Bool {
    registers(leaf: 0x8000_0001, subleaf: 0).edx & CPUIDFeatures.gigabytePages != 0
  }

  public var hasINVPCID: Bool { registers(leaf: 7, subleaf: 0).ebx & CPUIDFeatures.invpcid != 0 }
}
