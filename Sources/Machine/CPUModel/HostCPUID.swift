/// The processor under the guest, as CPUID tells of it.
///
/// A feature whose instructions fault in a guest unless a control of the back end is on (RDTSCP, INVPCID, …)
/// must be absent here where that control is.
public protocol HostCPUID {
  /// All zeros above the processor's highest leaf.
  func registers(leaf: UInt32, subleaf: UInt32) -> CPUIDRegisters
}
