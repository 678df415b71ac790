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

  /// MAXPHYADDR, but at most the 48 bits that four levels of EPT or NPT translate.
  public var physicalAddressBits: UInt32 {
    let sizes: UInt32 = 0x8000_0008
    guard registers(leaf: 0x8000_0000, subleaf: 0).eax >= sizes else { return 36 }
    return min(max(registers(leaf: sizes, subleaf: 0).eax & 0xFF, 32), 48)
  }

  public var hasGigabytePages: Bool {
    registers(leaf: 0x8000_0001, subleaf: 0).edx & CPUIDFeatures.gigabytePages != 0
  }

  public var hasINVPCID: Bool { registers(leaf: 7, subleaf: 0).ebx & CPUIDFeatures.invpcid != 0 }
}
